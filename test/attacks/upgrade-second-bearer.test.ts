// A bearer token in the WebSocket subprotocol, where the API server would look for one too.
import t from 'tap'
import { answerAll, assertOurs, startTarget } from '../support/attack-target.ts'
import { keyFor } from '../support/keys.ts'
import { bearerProtocol, webSocketAccepted, webSocketHeaders } from '../support/upgrades.ts'

const target = await startTarget(t)
const mine = bearerProtocol(target.root.key)
const foreign = bearerProtocol('sha256~somebody-elses-openshift-token')
const exec = '/api/v1/namespaces/a/pods/x/exec?command=sh'
const offering = (...protocols: string[]) => ({ target: exec, key: null, headers: webSocketHeaders(...protocols) })

for (const way of ['plain', 'tls'] as const) {
  t.test(`${way}: ours authenticates and is stripped, the others stay`, async (t) => {
    for (const protocols of [[mine, 'v5.channel.k8s.io'], ['v5.channel.k8s.io', mine], ['v5.channel.k8s.io', mine, 'v4.channel.k8s.io']]) {
      const { request, answered } = await target.forwarded(way, offering(...protocols))
      t.equal(answered.status, 101)
      const left = request.all('sec-websocket-protocol').join(', ').split(', ')
      t.strictSame(left, protocols.filter((protocol) => protocol !== mine))
      assertOurs(t, request, way)
    }
  })

  t.test(`${way}: alone it cannot stand, as at the API server`, async (t) => {
    await target.refused(t, way, offering(mine), { status: 400, code: 'MalformedHeader' })
  })

  t.test(`${way}: anything else there is refused`, async (t) => {
    const prefix = 'base64url.bearer.authorization.k8s.io.'
    await target.refused(t, way, offering(foreign, 'v4.channel.k8s.io'), { status: 401, code: 'UnknownKey' })
    await target.refused(t, way, offering(bearerProtocol(keyFor('nobody00').key), 'v4.channel.k8s.io'), { status: 401, code: 'UnknownKey' })
    for (const bad of [prefix, `${prefix}!!!`, `${prefix}${Buffer.from(target.root.key).toString('base64')}=`]) {
      const { status } = await target.send(way, offering(bad, 'v4.channel.k8s.io'))
      t.match(String(status), /^40[01]$/, bad)
    }
    // Beside a good key in the header, a second bearer is one too many.
    const both = { target: exec, headers: webSocketHeaders(foreign, 'v4.channel.k8s.io') }
    await target.refused(t, way, both, { status: 400, code: 'AmbiguousCredential' })
    const case2 = { target: exec, headers: webSocketHeaders('Base64url.Bearer.Authorization.K8s.Io.abcd', 'v4.channel.k8s.io') }
    const { status } = await target.send(way, case2)
    t.ok(status === 101 || status === 400, 'the prefix is case-sensitive at the API server')
  })

  t.test(`${way}: upstream cannot choose the token`, async (t) => {
    target.upstream.answer((request, reply) => {
      if (request.target !== exec) return { status: 200, body: '{}' }
      reply.upgrade(webSocketAccepted(mine))
    })
    const { status, body, headers } = await target.send(way, offering(mine, 'v5.channel.k8s.io'))
    t.equal(status, 502)
    t.notOk(body.toString().includes(mine) || headers.join().includes(mine), 'and it does not come back')
    target.upstream.answer(answerAll)
  })
}

t.test('no sink holds a secret', (t) => target.silentSinks(t, [mine, foreign, mine.slice(38)]))
