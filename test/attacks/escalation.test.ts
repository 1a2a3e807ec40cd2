// RBAC's own `escalate` and `bind` checks would run against our privileged account: each route needs its acknowledgement.
import t from 'tap'
import { guardRoutes, type GuardRoute } from '../../src/model/caller.ts'
import { ownNamespace, readRequest, rows } from '../authorize/guard-rows.ts'
import { callerEntry, codeOf, startTarget, type Attack, type Way } from '../support/attack-target.ts'
import { keyFor } from '../support/keys.ts'

const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] }
const urls = { nonResourceURLs: ['*'], verbs: ['*'] }

function rulesWith(acknowledge: readonly GuardRoute[]): object[] {
  return [{ ...everything, acknowledge }, { ...urls, acknowledge }]
}

const cases = rows.map((row, at) => ({
  ...row,
  without: keyFor(`without${at.toString(36)}`),
  acknowledged: keyFor(`withack${at.toString(36)}`),
  others: guardRoutes.filter(route => route !== row.route),
}))

/** The account of the token is system:serviceaccount:portcullis:portcullis. */
const target = await startTarget(t, {
  openshift: true,
  config: { self: { cluster: 'prod', namespace: ownNamespace } },
  callers: cases.flatMap(({ route, also = [], without, acknowledged, others }, at) => [
    callerEntry(`${route}-${at}-without`, without, rulesWith(others)),
    callerEntry(`${route}-${at}-with`, acknowledged, at % 2 === 0
      ? [...rulesWith([]), ...rulesWith([route, ...also])]
      : [...rulesWith([route, ...also]), ...rulesWith([])]),
  ]),
})

function attackOf(request: string, key: string): Attack & { readonly upgrade: 'websocket' | 'spdy' | undefined } {
  const { method, target, contentType, upgrade } = readRequest(request)
  const type = contentType === undefined ? [] : ['Content-Type', contentType]
  const spdy = upgrade === 'spdy' ? ['Connection', 'Upgrade', 'Upgrade', 'SPDY/3.1', 'X-Stream-Protocol-Version', 'v4.channel.k8s.io'] : []
  const body = ['POST', 'PUT', 'PATCH'].includes(method) && upgrade === undefined ? { body: '{}' } : {}
  return { method, target, key, headers: [...type, ...spdy], upgrade, ...body }
}

function wayOf({ upgrade }: { readonly upgrade: 'websocket' | 'spdy' | undefined }, at: number): Way {
  if (upgrade !== undefined) return upgrade === 'websocket' ? 'upgrade' : 'tls'
  return at % 4 === 0 ? 'http2' : 'plain'
}

for (const { route, also = [], about, refused, harmless, without, acknowledged } of cases) {
  t.test(`${[route, ...also].join(' and ')}, ${about}: refused without its acknowledgement, allowed with it, and the neighbours pass`, async (t) => {
    for (const [at, request] of refused.entries()) {
      const attack = attackOf(request, without.key)
      await target.refused(t, wayOf(attack, at), attack, { status: 403, code: 'EscalationDenied' }, request)
    }
    for (const [at, request] of refused.entries()) {
      const attack = attackOf(request, acknowledged.key)
      const { status, body } = await target.send(wayOf(attack, at), attack)
      t.equal(status, attack.upgrade === undefined ? 200 : 101, `${request} acknowledged ${codeOf(body)}`)
    }
    for (const [at, request] of harmless.entries()) {
      const attack = attackOf(request, without.key)
      const { status, body } = await target.send(wayOf(attack, at), attack)
      t.equal(status, attack.upgrade === undefined ? 200 : 101, `${request} ${codeOf(body)}`)
    }
  })
}

t.test('no sink holds a secret', (t) => target.silentSinks(t, cases.flatMap(({ without, acknowledged }) => [without.key, acknowledged.key])))
