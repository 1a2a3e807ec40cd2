import t from 'tap'
import { createAdmit, type Admit, type Stops } from '../src/admit.ts'
import { createAuthorize } from '../src/authorize/authorize.ts'
import { guardedRoutes } from '../src/authorize/guarded.ts'
import { createShadow } from '../src/authorize/shadow.ts'
import { fromAllowedSource, mayUseCluster } from '../src/authorize/source.ts'
import type { Clusters } from '../src/clusters/cluster.ts'
import { ProxyError } from '../src/errors.ts'
import type { Arrival } from '../src/model/arrival.ts'
import type { CallerDefinition } from '../src/model/caller.ts'
import { createResolve } from '../src/resolve/resolve.ts'
import { arrival, callerWith, trailOf } from './support/builders.ts'

const prod = { name: 'prod', facts: () => ({ name: 'prod', openshift: false, account: undefined, bootstrapAccount: undefined, accountPending: false, restrictedIn: new Set<string>(), settled: true, ownNamespaces: [] }) }
const clusters = { find: (name: string | undefined) => name === undefined || name === 'prod' ? prod : undefined, all: () => [] } as unknown as Clusters
const readPods = { verbs: ['list'], resources: ['pods'], namespaces: ['a'] }

function admitWith({ caller = {}, ...stops }: Partial<Stops> & { caller?: Partial<CallerDefinition> } = {}) {
  const held: string[] = []
  const decide = createAdmit({
    resolve: createResolve(),
    authenticate: () => callerWith([readPods], caller),
    claimedKeyId: () => 'k7Q2mX9a',
    weighRefusal: (refusal) => refusal,
    fromAllowedSource,
    mayUseCluster,
    limit: (_caller, isStream) => {
      held.push(isStream ? 'stream' : 'request')
      return () => held.pop()
    },
    authorize: createAuthorize(),
    guarded: guardedRoutes,
    shadow: createShadow(createAuthorize()),
    clusters,
    ...stops,
  })
  /** As who waits for it sees it, whether it had to wait or not. */
  const admit = async (...entry: Parameters<Admit>) => decide(...entry)
  return { admit, held }
}

const from = (overrides: Partial<Arrival> = {}) => arrival({ rawHeaders: ['Host', 'proxy'], ...overrides })

t.test('an admitted request carries what was decided, and its trail names target, caller, cluster and verdict', async (t) => {
  const trail = trailOf()
  const { admit } = admitWith()
  const admitted = await admit(from(), trail)
  t.match(admitted, { cluster: 'prod', resolved: { attributes: { verb: 'list', resource: 'pods' } }, verdict: { allowed: true } })
  t.match(trail.facts, { cluster: 'prod', caller: { definition: { name: 'ci' } }, resolved: { target: '/api/v1/namespaces/a/pods' }, verdict: { allowed: true } })
})

t.test('a call without a key is refused, and its trail names the target', async (t) => {
  const trail = trailOf()
  await t.rejects(admitWith({ authenticate: () => undefined }).admit(from(), trail), { code: 'MissingKey' })
  t.match(trail.facts, { resolved: { attributes: { resource: 'pods' } }, caller: undefined })
})

t.test('a bad key is refused, and its public id is on record as a claim', async (t) => {
  const trail = trailOf()
  const authenticate = () => { throw new ProxyError('UnknownKey', 'nobody holds this key') }
  await t.rejects(admitWith({ authenticate }).admit(from(), trail), { code: 'UnknownKey' })
  t.match(trail.facts, { claimedKeyId: 'k7Q2mX9a', caller: undefined })
})

t.test('of several refusals the first in the order of the contract is given', async (t) => {
  const impersonating = from({ method: 'DELETE', rawHeaders: ['Host', 'proxy', 'impersonate_user', 'x'] })
  const all = { ...impersonating, target: '/clusters/other/api/v1//pods' }
  const noKey = () => { throw new ProxyError('MissingKey', 'none') }
  const tooMany = () => { throw new ProxyError('RateLimited', 'too many', { retryAfter: 1 }) }
  const elsewhere = { allowedFrom: ['10.0.0.0/8'] }
  const steps: [string, Arrival, Parameters<typeof admitWith>[0]][] = [
    ['MalformedHeader', { ...all, rawHeaders: [] }, { authenticate: noKey, caller: elsewhere, limit: tooMany }],
    ['MalformedTarget', all, { authenticate: noKey, caller: elsewhere, limit: tooMany }],
    ['MissingKey', { ...all, target: '/clusters/other/api/v1/pods' }, { authenticate: noKey, caller: elsewhere, limit: tooMany }],
    ['SourceDenied', { ...all, target: '/clusters/other/api/v1/pods' }, { caller: elsewhere, limit: tooMany }],
    ['ClusterDenied', { ...all, target: '/clusters/other/api/v1/pods' }, { limit: tooMany }],
    ['RateLimited', impersonating, { limit: tooMany }],
    ['ImpersonationDenied', impersonating, {}],
    ['ScopeDenied', from({ method: 'DELETE' }), {}],
  ]
  for (const [code, asked, stops] of steps) await t.rejects(admitWith(stops).admit(asked, trailOf()), { code }, code)
})

t.test('an unknown cluster and a forbidden one are refused in the same words', async (t) => {
  const message = async (target: string, caller: Partial<CallerDefinition>) =>
    admitWith({ caller }).admit(from({ target }), trailOf()).then(() => 'admitted', (error: Error) => error.message)
  const [unknown, forbidden] = [await message('/clusters/nowhere/api', { clusters: ['test'] }), await message('/clusters/prod/api', { clusters: ['test'] })]
  t.equal(forbidden, unknown.replace('nowhere', 'prod'), 'but for the name that the caller itself wrote')
  t.match(forbidden, /may not use this cluster; to allow it, if there is such a cluster: clusters: \[test, prod\]$/)
  for (const [target, caller] of [['/api', { clusters: ['test'] }], ['/clusters/p%72od/api', { clusters: ['test'] }], ['/clusters/nowhere/api', {}]] as const) {
    t.match(await message(target, caller), /may not use this cluster$/, `${target}: no name of the caller's own, none of ours`)
  }
})

t.test('what a request holds is given back when it ends, admitted or not; a tunnel counts as a stream whatever its path', async (t) => {
  for (const [asked, kind] of [[from(), 'request'], [from({ target: '/api/v1/namespaces/a/pods?watch=1' }), 'stream'], [from({ upgrade: true }), 'stream'], [from({ method: 'DELETE' }), 'request']] as const) {
    const { admit, held } = admitWith()
    const trail = trailOf()
    await admit(asked, trail).catch(() => {})
    t.strictSame(held, [kind])
    trail.finish({ status: 200, ending: 'complete', bytesOut: 0 })
    t.strictSame(held, [])
  }
})

t.test('a grant that comes after its request has gone is given back, and the request does not go on holding it', async (t) => {
  const trail = trailOf()
  let grant = (_release: () => void) => {}
  let releases = 0
  const { admit } = admitWith({ limit: () => new Promise((resolve) => { grant = resolve }) })
  const admitted = admit(from(), trail)
  await new Promise((resolve) => setImmediate(resolve))
  trail.finish({ status: 0, ending: 'caller-left', bytesOut: 0 })
  t.equal(releases, 0)
  grant(() => { releases += 1 })
  await admitted
  t.equal(releases, 1)
})

t.test('a key that is revoked while its request waits for its limits does not admit it, and a source that is shut out neither', async (t) => {
  for (const [code, after] of [
    ['RevokedKey', () => { throw new ProxyError('RevokedKey', 'gone') }],
    ['MissingKey', () => undefined],
    ['SourceDenied', () => callerWith([readPods], { allowedFrom: ['10.0.0.0/8'] })],
    ['ClusterDenied', () => callerWith([readPods], { clusters: ['test'] })],
    ['ScopeDenied', () => callerWith([])],
  ] as const) {
    let authenticate: Stops['authenticate'] = () => callerWith([readPods])
    let releases = 0
    const { admit } = admitWith({
      authenticate: (arrival) => authenticate(arrival),
      limit: async () => {
        authenticate = after
        return () => { releases += 1 }
      },
    })
    const trail = trailOf()
    await t.rejects(admit(from(), trail), { code }, code)
    trail.finish({ status: 403, ending: 'complete', bytesOut: 0 })
    t.equal(releases, 1, 'what it held is given back')
  }
})
