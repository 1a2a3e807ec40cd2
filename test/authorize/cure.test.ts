// Every refusal that the callers file could lift carries the line that does: it is put there, read by the real loader, and asked again.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { parse } from 'yaml'
import { createAuthorize } from '../../src/authorize/authorize.ts'
import { fromAllowedSource, mayUseCluster, refuseCluster, refuseSource } from '../../src/authorize/source.ts'
import { readEntries } from '../../src/callers/entries.ts'
import { assembleCallers } from '../../src/callers/load.ts'
import type { CallerDefinition } from '../../src/model/caller.ts'
import type { Impersonation, Question, Verdict } from '../../src/model/verdict.ts'
import { resolveTarget } from '../../src/resolve/resolve.ts'
import { definition } from '../support/builders.ts'
import { facts, question } from '../support/questions.ts'
import { readRequest, rows } from './guard-rows.ts'

const authorize = createAuthorize()

/** The caller of a callers file that is written by hand: rules as lines, and fields of its own. */
function load(rules: readonly string[], fields: readonly string[] = []): CallerDefinition {
  const text = ['callers:', '  - name: ci', ...fields.map(field => `    ${field}`), '    rules:', ...rules.map(line => `      ${line}`)].join('\n')
  const { callers, faults } = assembleCallers([readEntries('callers.yaml', text)])
  assert.deepEqual(faults, [], text)
  return callers[0] ?? assert.fail('no caller')
}

function ask(rules: readonly string[], asked: Question, fields: readonly string[] = []): Verdict {
  return authorize({ definition: load(rules, fields), credentialId: '', expiresAt: undefined }, asked)
}

/** The line at the end of a refusal. */
function lineOf(reason: string): string | undefined {
  return /^.*; to allow it(?:, [a-z ,]+)?: (.*)$/.exec(reason)?.[1]
}

/** The codes that one line after the other lifts, until the request is allowed. */
function cure(rules: readonly string[], asked: Question, fields: readonly string[] = []): string[] {
  const codes: string[] = []
  const lines = [...rules]
  for (let verdict = ask(lines, asked, fields); !verdict.allowed; verdict = ask(lines, asked, fields)) {
    const line = lineOf(verdict.reason) ?? assert.fail(verdict.reason)
    assert.doesNotMatch(verdict.reason, /[\p{C}\p{Zl}\p{Zp}]/u)
    assertLeast(line, asked)
    codes.push(verdict.code)
    lines.push(line)
    assert.ok(codes.length <= 8, `${verdict.reason}\nafter ${lines.join('\n')}`)
  }
  return codes
}

const fields = ['apiGroups', 'resources', 'resourceNames', 'nonResourceURLs', 'verbs', 'namespaces', 'acknowledge']

/** One rule, of what was asked and nothing wider. */
function assertLeast(line: string, { attributes: { isResourceRequest, namespace, resource, path }, impersonation }: Question): void {
  const [rule, ...others] = parse(line) as Record<string, string[]>[]
  assert.deepEqual(others, [])
  assert.deepEqual(Object.keys(rule ?? {}).filter(field => !fields.includes(field)), [])
  const { namespaces = [], apiGroups = [], resources = [], nonResourceURLs = [], verbs = [] } = rule ?? {}
  assert.ok(![...apiGroups, ...resources, ...nonResourceURLs, ...verbs].some(word => word.includes('*')), line)
  if (impersonation !== undefined) return
  if (!isResourceRequest) return assert.deepEqual({ nonResourceURLs, resources, namespaces }, { nonResourceURLs: [path], resources: [], namespaces: [] })
  assert.equal(resources.length, 1)
  assert.equal(resources[0]?.split('/')[0], resource)
  if (resource !== 'projects') assert.deepEqual(namespaces, [namespace === '' ? '*' : namespace])
}

function questionOf(request: string, overrides: Partial<Question> = {}): Question {
  const { method, target, contentType, upgrade } = readRequest(request)
  return question(`${method} ${target}`, { contentType, upgrade: upgrade !== undefined, ...overrides })
}

const everything = [
  '- { apiGroups: ["*"], resources: ["*"], verbs: ["*"], namespaces: ["*"] }',
  '- { nonResourceURLs: ["*"], verbs: ["*"] }',
]

t.test('of every request that the guard knows: the line is added, and it is allowed, past the guard too', async (t) => {
  const cluster = facts({ openshift: true, account: { namespace: 'portcullis', name: 'proxy' }, ownNamespaces: ['home'] })
  const seen = new Set<string>()
  for (const { refused, harmless } of rows) {
    for (const request of [...refused, ...harmless]) {
      const asked = questionOf(request, { cluster })
      for (const rules of [[], everything]) {
        const codes = cure(rules, asked, ['discovery: false'])
        assert.ok(codes.length <= 2, request)
        seen.add(codes.join(' '))
      }
    }
  }
  t.strictSame([...seen].sort(), ['', 'EscalationDenied', 'ScopeDenied'])
})

const segment = fc.oneof(
  fc.constantFrom('a', 'own', 'team-b', 'x', 'pods', 'secrets', 'log', 'exec', 'null', 'y', '1e3', '~', '&a', 'x y', 'a,b', '"', '\'', '}], [', ': ', ' #', '- ', '!tag', '%', '`', '\u00e9', '\u2028', '\u{1f600}'),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }), fc.string({ minLength: 1, maxLength: 12 }),
).filter(text => !text.includes('*') && !/\p{Cs}/u.test(text))
const encoded = segment.map(text => encodeURIComponent(text))
const target = fc.oneof(
  fc.tuple(encoded, encoded, encoded).map(([namespace, resource, name]) => `/api/v1/namespaces/${namespace}/${resource}/${name}`),
  fc.tuple(encoded, encoded, encoded, encoded).map(([group, namespace, resource, name]) => `/apis/${group}/v1/namespaces/${namespace}/${resource}/${name}/status`),
  fc.tuple(fc.constantFrom('pods', 'services', 'secrets'), encoded).map(([resource, name]) => `/api/v1/namespaces/a/${resource}?fieldSelector=metadata.name%3D${name}`),
  fc.tuple(encoded, encoded).map(([resource, name]) => `/api/v1/${resource}/${name}`),
  fc.array(encoded, { minLength: 1, maxLength: 3 }).map(parts => `/${parts.join('/')}`),
).filter(isRead)
const request = fc.tuple(fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'APPLY', 'DELETE', 'WS', 'OPTIONS'), target).map(words => words.join(' '))
const anyRules = fc.subarray([
  '- { apiGroups: [""], resources: [pods, services], verbs: [get, update], namespaces: [a, team-b] }',
  '- { apiGroups: ["*"], resources: ["*/status"], resourceNames: [x], verbs: ["*"], namespaces: ["t*"] }',
  '- { nonResourceURLs: [/x*], verbs: [get] }', ...everything,
])

function isRead(target: string): boolean {
  try {
    return resolveTarget('GET', target).cluster === undefined
  } catch {
    return false
  }
}

t.test('whatever a URL holds, the line stays one rule, says that alone and allows it', async (t) => {
  const seen = new Set<string>()
  fc.assert(fc.property(request, anyRules, (request, rules) => {
    const codes = cure(rules, questionOf(request), ['discovery: false'])
    assert.ok(codes.length <= 2, request)
    seen.add(codes.join(' '))
  }), { numRuns: 1000, examples: [['GET /api/v1/namespaces/own/secrets/x', everything]] })
  t.ok(seen.has('ScopeDenied') && seen.has('EscalationDenied'), [...seen].join())
})

t.test('the message before it cannot be taken for the line', async (t) => {
  const forged = encodeURIComponent('x: to allow it: - { verbs: ["*"] }')
  for (const target of [`/${forged}`, `/api/v1/namespaces/a/${forged}`, `/apis/${forged}/v1/pods`, `/api/v1/namespaces/${forged}/pods/${forged}`]) {
    const { reason } = ask(['- { nonResourceURLs: [/a], verbs: [get] }'], questionOf(`GET ${target}`))
    t.notMatch(reason.replaceAll(/"(?:[^"\\]|\\.)*"/g, '…').replace(/; to allow it: - \{[^{}]*\}$/, ''), /to allow it|verbs/, 'outside of quotes')
  }
})

t.test('where a star came out of the URL there is no line: in a rule it would stand for everything', async (t) => {
  for (const target of ['/api/v1/namespaces/*/pods', '/api/v1/namespaces/team-*/pods', '/api/v1/namespaces/a/*', '/api/v1/namespaces/a/*/x/log', '/apis/*/v1/pods', '/*', '/metrics*', '/api/v1/namespaces/a/pods/x/*']) {
    const verdict = ask([], questionOf(`GET ${target}`))
    t.match(verdict, { allowed: false, code: 'ScopeDenied' })
    t.notMatch(verdict.reason, 'to allow it', target)
  }
  t.match(ask([], questionOf('GET /api/v1/namespaces/a/pods/*')).reason, /resourceNames: \["\*"\]/, 'but in a name, which is no pattern')
})

t.test('what is missing is named, and no more', async (t) => {
  const services = '- { apiGroups: [""], resources: [services], verbs: [update], namespaces: [a] }'
  const rows: [string, string[], string][] = [
    ['GET /api/v1/namespaces/a/pods/x', [], '- { apiGroups: [""], resources: [pods], resourceNames: [x], verbs: [get], namespaces: [a] }'],
    ['GET /api/v1/nodes', [], '- { apiGroups: [""], resources: [nodes], verbs: [list], namespaces: ["*"] }'],
    ['GET /api/v1/pods?watch=1', [], '- { apiGroups: [""], resources: [pods], verbs: [watch], namespaces: ["*"] }'],
    ['POST /apis/apps/v1/namespaces/team-a/deployments', [], '- { apiGroups: [apps], resources: [deployments], verbs: [create], namespaces: [team-a] }'],
    ['WS /api/v1/namespaces/a/pods/x/exec', [], '- { apiGroups: [""], resources: [pods/exec], resourceNames: [x], verbs: [create], namespaces: [a] }'],
    ['APPLY /api/v1/namespaces/a/configmaps/c', [], '- { apiGroups: [""], resources: [configmaps], resourceNames: [c], verbs: [patch, create], namespaces: [a] }'],
    ['PUT /api/v1/namespaces/a/services/s', [services], '- { apiGroups: [""], resources: [services], resourceNames: [s], verbs: [create], namespaces: [a] }'],
    ['PUT /api/v1/namespaces/b/services/s', [services], '- { apiGroups: [""], resources: [services], resourceNames: [s], verbs: [update, create], namespaces: [b] }'],
    ['GET /metrics', [], '- { nonResourceURLs: [/metrics], verbs: [get] }'],
    ['GET /apis/project.openshift.io/v1/projects/p', [], '- { apiGroups: [project.openshift.io], resources: [projects], resourceNames: [p], verbs: [get], namespaces: [p] }'],
    ['PUT /apis/rbac.authorization.k8s.io/v1/namespaces/a/roles/r', everything,
      '- { apiGroups: [rbac.authorization.k8s.io], resources: [roles], resourceNames: [r], verbs: [update, create], namespaces: [a], acknowledge: [grant-role] }'],
  ]
  for (const [request, rules, line] of rows) t.equal(lineOf(ask(rules, questionOf(request)).reason), line, request)
})

t.test('of impersonation, one line a kind of what the headers ask for', async (t) => {
  const asking = (overrides: Partial<Impersonation>) => questionOf('GET /api/v1/namespaces/a/pods', { impersonation: { user: 'jane', groups: [], uid: undefined, extra: {}, ...overrides } })
  const pods = '- { apiGroups: [""], resources: [pods], verbs: [list], namespaces: [a] }'
  const unacknowledged = '- { apiGroups: ["*"], resources: ["*"], verbs: [impersonate], namespaces: ["*"] }'
  t.equal(cure([pods], asking({})).length, 1)
  t.equal(cure([pods], asking({ groups: ['devs', 'null', '', 'x, y'] })).length, 2)
  t.equal(cure([pods], asking({ user: 'system:serviceaccount:a:bot', uid: 'u', extra: { scopes: ['view', 'all'], 'a b': ['}'] } })).length, 4)
  const refused = ask([pods, unacknowledged], asking({})).reason
  t.notMatch(refused, 'jane', 'a rule that is there needs no value of a header')
  const [, field = ''] = /; to allow it there, if it is meant: (acknowledge: \[.*\])$/.exec(refused) ?? []
  t.equal(ask([pods, unacknowledged.replace(' }', `, ${field} }`)], asking({})).allowed, true, field)
  const { reason } = ask([pods], asking({}))
  t.equal(lineOf(reason), '- { apiGroups: [""], resources: [users], resourceNames: [jane], verbs: [impersonate], namespaces: ["*"], acknowledge: [impersonate] }')
  fc.assert(fc.property(segment, fc.array(fc.string(), { maxLength: 3 }), (user, groups) => {
    assert.ok(cure([pods], asking({ user: user.replace(/^system:/, ''), groups })).length <= 2)
  }))
  t.match(ask([pods], asking({}), ['impersonate: { user: u }']).reason, /may not impersonate others$/, 'what no line lifts has none')
})

t.test('of an address and of a cluster, the line that lets them in', async (t) => {
  for (const source of ['10.1.2.3', '::ffff:10.1.2.3', '2001:db8::1', 'fe80::1%eth0']) {
    const line = lineOf(refuseSource(definition(), source)) ?? ''
    t.ok(fromAllowedSource(load(['[]'], [line]), source), line)
    t.notOk(fromAllowedSource(load(['[]'], [line]), '10.1.2.4'))
  }
  t.equal(refuseSource(definition({ allowedFrom: ['10.0.0.0/8'] }), '192.0.2.1'),
    'caller "ci" may not come from 192.0.2.1; to allow it, beside what is there: allowedFrom: ["192.0.2.1/32"]', 'the networks it has are not told')
  for (const source of ['', 'unknown', '10.0.0.1]']) t.equal(lineOf(refuseSource(definition(), source)), undefined)
  const line = lineOf(refuseCluster(definition({ clusters: ['test'] }), 'prod')) ?? ''
  t.equal(line, 'clusters: [test, prod]')
  t.ok(mayUseCluster(load(['[]'], [line]), 'prod'))
  for (const named of [undefined, 'a%20b', 'x]', '']) t.equal(lineOf(refuseCluster(definition(), named)), undefined)
})
