import fc from 'fast-check'
import t from 'tap'
import { createAuthorize } from '../../src/authorize/authorize.ts'
import { createShadow } from '../../src/authorize/shadow.ts'
import { buildCaller, buildScope } from '../../src/callers/build.ts'
import { readEntries, type Shadow } from '../../src/callers/entries.ts'
import type { Caller } from '../../src/model/caller.ts'
import type { Question } from '../../src/model/verdict.ts'
import { question } from '../support/questions.ts'

const authorize = createAuthorize()
const shadow = createShadow(authorize)

interface Scope { readonly name: string, readonly mode?: string, readonly replaces?: readonly string[], readonly rules: readonly object[] }

/** A caller as a file makes it. */
function callerOf(scopes: readonly Scope[], holds: readonly (string | object)[], rest: object = {}): Caller {
  const text = JSON.stringify({ scopes, callers: [{ name: 'ci', scopes: holds, ...rest }] })
  const { scopes: read, callers, faults } = readEntries('c.yaml', text)
  t.strictSame(faults, [])
  const built = new Map(read.map(({ value }) => [value.name, buildScope(value)]))
  return { definition: buildCaller(callers[0]!.value, built), credentialId: 'aaaaaaaa', expiresAt: undefined }
}

const pods = (verbs: string[], namespaces = ['a']) => ({ apiGroups: [''], resources: ['pods', 'pods/exec', 'secrets'], verbs, namespaces })
const all = { apiGroups: ['*'], resources: ['*'], verbs: ['*'], namespaces: ['*'], acknowledge: ['own-credential', 'mint-token', 'impersonate', 'grant-role', 'node-proxy', 'own-callers'] }
const everything = [all, { nonResourceURLs: ['*'], verbs: ['*'], acknowledge: ['server-internals'] }]

const asked: [string, Partial<Question>?][] = [
  ['GET /api/v1/namespaces/a/pods'], ['DELETE /api/v1/namespaces/a/pods/x'], ['GET /metrics'], ['GET /logs'], ['GET /api/v1/nodes'],
  ['GET /api/v1/namespaces/own/secrets'], ['POST /apis/rbac.authorization.k8s.io/v1/clusterroles'], ['GET /api/v1/nodes/n/proxy/x'],
  ['GET /api/v1/namespaces/a/pods/x/exec', { upgrade: true }], ['PATCH /api/v1/namespaces/a/pods/x', { contentType: 'application/apply-patch+yaml' }],
  ['GET /api/v1/namespaces/a/pods', { impersonation: { user: 'jane', groups: [], uid: undefined, extra: {} } }],
]

t.test('a shadow scope grants nothing, whatever it says and whatever is asked, past the guard too', async (t) => {
  for (const replaces of [undefined, [], ['none']]) {
    const scope = { name: 'next', mode: 'shadow', ...replaces === undefined ? {} : { replaces }, rules: everything }
    for (const [request, more] of asked) {
      for (const holds of ['next', { name: 'next', namespaces: ['*'] }]) {
        t.equal(authorize(callerOf([scope], [holds]), question(request, more)).allowed, false, request)
        t.equal(authorize(callerOf([{ ...scope, mode: 'enforce', replaces: undefined } as unknown as Scope], [holds]), question(request, more)).allowed, true, `${request}, enforced`)
      }
    }
  }
})

t.test('discovery is what it was, and what a shadow scope says of it is nothing', async (t) => {
  const scope = { name: 'next', mode: 'shadow', rules: everything }
  t.equal(authorize(callerOf([scope], ['next']), question('GET /api')).allowed, true)
  t.equal(authorize(callerOf([scope], ['next'], { discovery: false }), question('GET /api')).allowed, false)
})

t.test('verdicts, rules and reasons are the same with a shadow scope and without', async (t) => {
  const now = { name: 'now', rules: [pods(['get', 'list'])] }
  const next = { name: 'next', mode: 'shadow', rules: everything }
  const own = { rules: [{ ...pods(['create']), acknowledge: [] }] }
  for (const [request, more] of asked) {
    t.strictSame(authorize(callerOf([now, next], ['now', 'next'], own), question(request, more)), authorize(callerOf([now], ['now'], own), question(request, more)), request)
  }
})

t.test('what would be denied: by what is replaced, and what takes its place', async (t) => {
  const now = { name: 'now', rules: [pods(['get', 'list', 'delete'])] }
  const also = { name: 'also', rules: [pods(['watch'])] }
  const own = { rules: [pods(['create'])] }
  const next = (replaces?: readonly string[]) => ({ name: 'next', mode: 'shadow', ...replaces === undefined ? {} : { replaces }, rules: [pods(['get', 'list'])] })
  const denied = (caller: Caller, request: string) => shadow(caller, question(request)) !== undefined
  const [list, remove, watch, create] = ['GET /api/v1/namespaces/a/pods', 'DELETE /api/v1/namespaces/a/pods/x', 'GET /api/v1/namespaces/a/pods?watch=1', 'POST /api/v1/namespaces/a/pods'] as const
  const rows: [string, readonly string[] | undefined, boolean[]][] = [
    ['all it holds', undefined, [false, true, true, true]],
    ['one scope', ['now'], [false, true, false, false]],
    ['two', ['now', 'also'], [false, true, true, false]],
    ['none', [], [false, false, false, false]],
  ]
  for (const [what, replaces, expected] of rows) {
    const caller = callerOf([now, also, next(replaces)], ['now', 'also', 'next'], own)
    t.strictSame([list, remove, watch, create].map(request => denied(caller, request)), expected, what)
  }
  const caller = callerOf([now, next(), { name: 'second', mode: 'shadow', replaces: [], rules: [pods(['delete'])] }], ['now', 'next', 'second'])
  t.equal(denied(caller, remove), false, 'what another shadow scope allows is allowed')
  t.match(shadow(caller, question(watch)), { scopes: ['next', 'second'], reason: /nearest rule \(scope (?:next|second): .* lacks verb watch/ })
  t.equal(denied(callerOf([now, next()], ['now', { name: 'next', namespaces: ['b'] }]), list), true, 'the long form narrows it')
  t.equal(denied(caller, 'GET /api'), false, 'discovery needs no rule of it either')
  t.equal(shadow(callerOf([now], ['now']), question(watch)), undefined, 'without a shadow scope nothing is judged')
})

t.test('the guard, both verbs of an apply, and impersonation count in it as they will', async (t) => {
  const next = { name: 'next', mode: 'shadow', rules: [{ ...all, acknowledge: [] }, { ...pods(['patch']) }] }
  const caller = callerOf([{ name: 'now', rules: everything }, next], ['now', 'next'])
  t.match(shadow(caller, question('GET /api/v1/namespaces/own/secrets')), { reason: /guarded by route own-credential/ })
  t.match(shadow(caller, question('GET /api/v1/namespaces/a/pods', { impersonation: { user: 'jane', groups: [], uid: undefined, extra: {} } })), { reason: /Impersonate headers need acknowledge/ })
  const patching = callerOf([{ name: 'now', rules: everything }, { ...next, rules: [pods(['patch'])] }], ['now', 'next'])
  t.match(shadow(patching, question('PATCH /api/v1/namespaces/a/pods/x', { contentType: 'application/apply-patch+yaml' })), { reason: /lacks verb create/ })
  t.equal(shadow(patching, question('PATCH /api/v1/namespaces/a/pods/x', { contentType: 'application/merge-patch+json' })), undefined)
})

t.test('for any rules and any replaces: enforced is what is without the shadow scopes, tried out what would be with them in force', async () => {
  const verbs = fc.subarray(['get', 'list', 'delete', '*'], { minLength: 1 })
  const rules = fc.array(fc.record({
    apiGroups: fc.constant(['']), resources: fc.subarray(['pods', 'secrets', '*'], { minLength: 1 }), verbs, namespaces: fc.constantFrom(['a'], ['b'], ['a', 'b'], ['*']),
  }), { maxLength: 3 })
  const scope = fc.record({ rules, mode: fc.constantFrom('enforce', 'shadow'), replaces: fc.option(fc.subarray(['s0', 's1', 's2']), { nil: undefined }) })
  const requests = ['GET /api/v1/namespaces/a/pods', 'GET /api/v1/namespaces/b/secrets/x', 'DELETE /api/v1/namespaces/a/secrets/x', 'GET /api/v1/pods'].map(request => question(request))
  fc.assert(fc.property(fc.tuple(scope, scope, scope), rules, (three, own) => {
    const scopes = three.map(({ rules, mode, replaces }, index) => ({ name: `s${index}`, rules, mode, ...mode === 'shadow' && replaces !== undefined ? { replaces } : {} }))
    const names = scopes.map(({ name }) => name)
    const caller = callerOf(scopes, names, { rules: own })
    const tried = scopes.filter(({ mode }) => mode === 'shadow')
    const enforced = callerOf(scopes.filter(({ mode }) => mode === 'enforce'), names.filter((_, index) => three[index]!.mode === 'enforce'), { rules: own })
    const all = tried.some(({ replaces }) => (replaces as Shadow['replaces']) === undefined)
    const gone = new Set(tried.flatMap(({ replaces = [] }) => replaces))
    const stay = scopes.filter(({ name, mode }) => mode === 'shadow' || (!all && !gone.has(name))).map(({ name, rules }) => ({ name, rules }))
    const would = callerOf(stay, stay.map(({ name }) => name), { rules: all ? [] : own })
    return requests.every(asked => authorize(caller, asked).allowed === authorize(enforced, asked).allowed
      && (tried.length === 0 ? shadow(caller, asked) === undefined : (shadow(caller, asked) === undefined) === authorize(would, asked).allowed))
  }), { numRuns: 300 })
})
