// For any rules and any requests that they allow: the suggested scope allows those, and nothing beyond what is stated.
import fc from 'fast-check'
import t from 'tap'
import { judgeLine } from '../../../src/audit-log/event.ts'
import { toEvent, toLine } from '../../../src/audit/event.ts'
import { askedBy, createsToo } from '../../../src/authorize/asked.ts'
import { createAuthorize } from '../../../src/authorize/authorize.ts'
import { isDiscovery } from '../../../src/authorize/discovery.ts'
import { guardedRoutes } from '../../../src/authorize/guarded.ts'
import { Requests } from '../../../src/cli/suggest/requests.ts'
import { ruleLine } from '../../../src/cli/suggest/rule-text.ts'
import type { SuggestedRule } from '../../../src/cli/suggest/rules.ts'
import { Gathering } from '../../../src/cli/suggest/suggestion.ts'
import type { Names } from '../../../src/cli/suggest/tally.ts'
import { nothingKnown } from '../../../src/cli/suggest/today.ts'
import { readEntries } from '../../../src/callers/entries.ts'
import { assembleCallers } from '../../../src/callers/load.ts'
import { readImpersonation } from '../../../src/headers/impersonation.ts'
import { guardRoutes, type Caller, type Rule } from '../../../src/model/caller.ts'
import type { Question } from '../../../src/model/verdict.ts'
import { resolveTarget } from '../../../src/resolve/resolve.ts'
import { arrival, callerWith } from '../../support/builders.ts'
import { facts } from '../../support/questions.ts'

const authorize = createAuthorize()
const cluster = facts({ openshift: true })

interface Request { readonly method: string, readonly target: string, readonly headers: readonly string[], readonly upgrade: boolean }

const namespaces = ['a', 'b', 'own', '']
const objects = fc.record({
  group: fc.constantFrom('', 'apps'), resource: fc.constantFrom('pods', 'services', 'secrets', 'projects', 'roles'), namespace: fc.constantFrom(...namespaces),
  name: fc.constantFrom('', 'x', 'y', 'web-7bbxl', 'web-9f2zk'), subresource: fc.constantFrom('', '', 'exec', 'status', 'token'),
}).map(({ group, resource, namespace, name, subresource }) => {
  const prefix = group === '' ? '/api/v1' : `/apis/${group}/v1`
  return `${prefix}${namespace === '' ? '' : `/namespaces/${namespace}`}/${resource}${name === '' ? '' : `/${name}${subresource === '' ? '' : `/${subresource}`}`}`
})
const objectRequest = fc.record({
  method: fc.constantFrom('GET', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE'), target: fc.oneof(objects, objects.map(path => `${path}?watch=1`), objects.map(path => `${path}?fieldSelector=metadata.name%3Dx`)),
  headers: fc.constantFrom<string[]>([], [], ['Content-Type', 'application/apply-patch+yaml'], ['Impersonate-User', 'jane'], ['Impersonate-User', 'joe', 'Impersonate-Group', 'devs']),
  upgrade: fc.constantFrom(false, false, true),
}).filter(({ method, target }) => method !== 'POST' || /\/(?:exec|status|token)$|\/(?:pods|services|secrets|projects|roles)$/.test(target))
const pathRequest = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'POST'), target: fc.constantFrom('/metrics', '/healthz/x', '/healthz/y', '/logs/a', '/api', '/version', '/apis/apps/v1'), headers: fc.constant<string[]>([]), upgrade: fc.constant(false),
})
const request: fc.Arbitrary<Request> = fc.oneof({ weight: 5, arbitrary: objectRequest }, { weight: 1, arbitrary: pathRequest })

const some = (words: string[]) => fc.subarray(words, { minLength: 1 })
const rule = fc.record({
  verbs: fc.oneof(fc.constant(['*']), some(['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'impersonate'])),
  apiGroups: fc.oneof(fc.constant(['*']), some(['', 'apps'])),
  resources: fc.oneof(fc.constant(['*']), some(['pods', 'services', 'secrets', 'projects', 'roles', 'pods/exec', '*/status', 'users', 'groups'])),
  resourceNames: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: some(['x', 'y', 'jane', 'devs']) }),
  nonResourceURLs: fc.constantFrom<string[]>([], [], ['/metrics'], ['/healthz/*'], ['*']),
  namespaces: fc.constantFrom(['*'], ['*'], ['a'], ['a*', 'own'], ['b']),
  acknowledge: fc.oneof(fc.constant([]), fc.constant([...guardRoutes]), fc.subarray([...guardRoutes])),
}).map((rule): Partial<Rule> => rule)

function questionOf({ method, target, headers, upgrade }: Request): Question {
  const { attributes } = resolveTarget(method, target)
  return { attributes, upgrade, contentType: headers[0] === 'Content-Type' ? headers[1] : undefined, impersonation: readImpersonation(headers), cluster }
}

let number = 0

/** The lines that the audit log has of a request, as the proxy writes them. */
function linesOf(caller: Caller, request: Request): string[] {
  const question = questionOf(request)
  const verdict = authorize(caller, question)
  const guarded = guardedRoutes(caller, question, verdict)
  const { method, target, headers, upgrade } = request
  const moment = {
    arrival: arrival({ auditId: `id-${number++}`, method, target, rawHeaders: headers, upgrade }), level: 'Metadata' as const, stream: false, at: 1_000_000_000_000,
    facts: { resolved: resolveTarget(method, target), caller, cluster: 'prod', verdict, ...guarded.length === 0 ? {} : { guarded } },
  }
  const outcome = { status: verdict.allowed ? 200 : 403, ending: 'complete' as const, bytesOut: 0, ...verdict.allowed ? {} : { refusal: { code: verdict.code, message: verdict.reason, reason: 'Forbidden' } } }
  return [toLine(toEvent({ ...moment, stage: 'RequestReceived' }, []), []), toLine(toEvent({ ...moment, stage: 'ResponseComplete', outcome }, []), [])]
}

function suggest(caller: Caller, done: readonly Request[], names: Names): readonly SuggestedRule[] {
  const today = { ...nothingKnown, callers: new Map([['ci', caller.definition]]), facts: () => cluster }
  const gathering = new Gathering({ caller: 'ci', names, globs: [], includeDenied: false }, today)
  const requests = new Requests()
  for (const line of done.flatMap(request => linesOf(caller, request))) {
    const judged = judgeLine(line)
    if ('event' in judged) for (const observed of requests.take(judged.event)) gathering.take(observed)
  }
  return gathering.finish().rules
}

const holding = (rules: readonly SuggestedRule[]): Caller => callerWith(rules.map(({ rule }) => rule))
const isAllowed = (caller: Caller, request: Request) => authorize(caller, questionOf(request)).allowed

/** Of each verb that a request needs: whether something was done that is stated to allow it. */
function isStated(probe: Request, done: readonly Request[], exact: boolean): boolean {
  const all = done.flatMap(verbsOf)
  return verbsOf(probe).every(want => all.some(({ verb, asked }) => {
    if (verb !== want.verb || asked.isResourceRequest !== want.asked.isResourceRequest) return false
    if (!asked.isResourceRequest) return asked.path === want.asked.path
    return asked.apiGroup === want.asked.apiGroup && asked.resource === want.asked.resource && asked.subresource === want.asked.subresource
      && (asked.namespace === want.asked.namespace || asked.namespace === '')
      && (!exact || asked.name === want.asked.name || asked.name === '')
  }))
}

function verbsOf(request: Request) {
  const question = questionOf(request)
  const asked = askedBy(question)
  if (isDiscovery(asked)) return []
  return [asked.verb, ...createsToo(asked, question.contentType) === undefined ? [] : ['create']].map(verb => ({ verb, asked }))
}

const universe = fc.tuple(fc.array(rule, { minLength: 1, maxLength: 4 }), fc.array(request, { minLength: 1, maxLength: 25 }), fc.array(request, { maxLength: 40 }))

t.test('what was allowed is allowed again, whatever becomes of names', async (t) => {
  let seen = 0
  fc.assert(fc.property(universe, fc.constantFrom<Names>('few', 'all', 'none'), ([rules, requests], names) => {
    const caller = callerWith(rules)
    const done = requests.filter(request => isAllowed(caller, request))
    seen += done.length
    const next = holding(suggest(caller, requests, names))
    const lost = done.filter(request => !isAllowed(next, request))
    if (lost.length > 0) throw new Error(JSON.stringify({ lost, rules: next.definition.grants }))
  }), { numRuns: 500 })
  t.ok(seen > 300, `${seen} requests`)
})

t.test('with all names: nothing beside what is stated, and never more than today\'s rules', async (t) => {
  let seen = 0
  fc.assert(fc.property(universe, ([rules, requests, probes]) => {
    const caller = callerWith(rules)
    const done = requests.filter(request => isAllowed(caller, request))
    const next = holding(suggest(caller, requests, 'all'))
    for (const probe of [...probes, ...requests].filter(request => isAllowed(next, request))) {
      seen += 1
      if (!isStated(probe, done, true)) throw new Error(`not stated: ${JSON.stringify({ probe, done, rules: next.definition.grants })}`)
      if (!isAllowed(caller, probe)) throw new Error(`wider than today: ${JSON.stringify({ probe, done, rules: next.definition.grants })}`)
    }
  }), { numRuns: 500 })
  t.ok(seen > 300, `${seen} probes`)
})

t.test('with few names: the same, but for names that were left out', async () => {
  fc.assert(fc.property(universe, fc.constantFrom<Names>('few', 'none'), ([rules, requests, probes], names) => {
    const caller = callerWith(rules)
    const done = requests.filter(request => isAllowed(caller, request))
    const next = holding(suggest(caller, requests, names))
    const wrong = [...probes, ...requests].find(probe => isAllowed(next, probe) && !isStated(probe, done, false))
    if (wrong !== undefined) throw new Error(JSON.stringify({ wrong, done, rules: next.definition.grants }))
  }), { numRuns: 300 })
})

t.test('the order of the log says nothing, and what is printed is a callers file without a fault or a warning', async () => {
  fc.assert(fc.property(universe, fc.constantFrom<Names>('few', 'all'), ([rules, requests], names) => {
    const caller = callerWith(rules)
    const lines = suggest(caller, requests, names).map(({ rule }) => ruleLine(rule))
    const other = suggest(caller, [...requests].reverse(), names).map(({ rule }) => ruleLine(rule))
    if (lines.join('\n') !== other.join('\n')) throw new Error(`${lines.join('\n')}\n\n${other.join('\n')}`)
    if (lines.length === 0) return
    const text = `scopes: [{ name: s, rules: [] }]\ncallers:\n- name: c\n  keys: [{ id: k7Q2mX9a, sha256: ${'ab'.repeat(32)} }]\n  rules:\n${lines.map(line => `  ${line}\n`).join('')}`
    const { faults, warnings } = assembleCallers([readEntries('c.yaml', text)])
    const told = [...faults, ...warnings].map(({ message }) => message)
    if (told.length > 0) throw new Error(`${told.join()}\n${text}`)
  }), { numRuns: 500 })
})
