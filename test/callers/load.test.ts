import { join } from 'node:path'
import t from 'tap'
import { loadCallers, requireCallers } from '../../src/callers/load.ts'
import { formatFault } from '../../src/files/fault.ts'

const now = Date.UTC(2026, 10, 21)
const sha256 = '353bb4bfb005dadfbd79334e12573a1ce0ad072bce7d9a5971178df01befd5d0'
const rule = '{ apiGroups: [""], resources: [pods], verbs: [get], namespaces: [a] }'

/** Faults and warnings of texts, each in a file of its own, without the folder. */
async function findings(t: { testdir: (files: Record<string, string>) => string }, ...texts: string[]) {
  const folder = t.testdir(Object.fromEntries(texts.map((text, index) => [`${index}.yaml`, text])))
  const { faults, warnings } = await loadCallers([folder], { now, clusters: ['prod'] })
  const print = (list: typeof faults) => list.map(fault => formatFault({ ...fault, message: fault.message.replaceAll(`${folder}/`, '') }).replace(`${folder}/`, ''))
  return { faults: print(faults), warnings: print(warnings) }
}

t.test('callers, scopes and keys of several documents, files and folders are one whole', async (t) => {
  const folder = t.testdir({
    'scopes.json': `{ "scopes": [{ "name": "r", "rules": [${JSON.stringify({ apiGroups: [''], resources: ['pods'], verbs: ['get'], namespaces: ['a'] })}] }] }`,
    'team': {
      'a.yaml': `callers:\n  - { name: ci, scopes: [r, { name: cr, namespaces: ["*"] }], rules: [${rule}], keys: [{ id: k7Q2mX9a, sha256: ${sha256}, expiresAt: 2027-02-19T10:00:00+01:00 }] }\n`,
      'b.yml': 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: cr, labels: { x: y }, creationTimestamp: null }\nrules: [{ verbs: [get], apiGroups: [""], resources: [nodes] }]\n---\ncallers:\n- { name: other, scopes: [r], discovery: false, clusters: [prod], allowedFrom: [10.0.0.0/8], impersonate: { user: u }, limits: { burst: 3 } }\n',
      '..data': { 'x.yaml': 'broken: [' },
      '.hidden.yaml': 'broken: [',
      'notes.txt': 'broken: [',
    },
  })
  const { callers, scopes, keys, faults } = await loadCallers([join(folder, 'scopes.json'), join(folder, 'team')], { now })
  t.strictSame(faults, [])
  const empty = { resourceNames: [], nonResourceURLs: [], acknowledge: [] }
  const pods = { ...empty, apiGroups: [''], resources: ['pods'], verbs: ['get'], namespaces: ['a'] }
  const nodes = { ...empty, apiGroups: [''], resources: ['nodes'], verbs: ['get'], namespaces: ['*'] }
  const nobodysLimits = { requestsPerSecond: undefined, burst: undefined, inFlight: undefined, streams: undefined }
  t.strictSame(callers, [
    {
      name: 'ci',
      grants: [
        { scope: null, rules: [pods], namespaces: undefined },
        { scope: 'r', rules: [pods], namespaces: undefined },
        { scope: 'cr', rules: [nodes], namespaces: ['*'] },
      ],
      clusters: undefined, discovery: true, limits: nobodysLimits, allowedFrom: undefined, impersonate: undefined,
    },
    {
      name: 'other',
      grants: [{ scope: 'r', rules: [pods], namespaces: undefined }],
      clusters: ['prod'], discovery: false, limits: { ...nobodysLimits, burst: 3 }, allowedFrom: ['10.0.0.0/8'], impersonate: { user: 'u', groups: [] },
    },
  ])
  t.equal(keys.size, 1)
  t.match(keys.get('k7Q2mX9a'), {
    id: 'k7Q2mX9a', sha256: Buffer.from(sha256, 'hex'), expiresAt: Date.UTC(2027, 1, 19, 9), revokedAt: undefined, definition: callers[0],
  })
  t.equal(callers[0]?.grants[1]?.rules, scopes.get('r'), 'callers of one scope share its rules')
  t.equal(callers[1]?.grants[0]?.rules, scopes.get('r'))
})

const caller = (fields: string) => `callers: [{ name: c, ${fields} }]`
const scope = (rules: string) => `scopes: [{ name: s, rules: [${rules}] }]`
const role = (fields: string) => `apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: cr }\n${fields}`

for (const [what, fault, ...texts] of [
  ['a list', /^0.yaml:1:1 must be a mapping$/, '[]'],
  ['an unknown section', /^0.yaml:1:1 users: is unknown here; known: scopes, callers$/, 'users: []'],
  ['a caller that is text', /callers\[0\]: must be a mapping/, 'callers: [ci]'],
  ['a caller without a name', /callers\[0\].name: is missing/, 'callers: [{ keys: [] }]'],
  ['a name that would break a log line', /name: must be a name of letters/, 'callers: [{ name: "a b" }]'],
  ['two callers of one name, in two files', /^1.yaml:1:19 callers\[0\].name: is there twice: a caller c is also at 0.yaml:1:19 \(caller c\); give one of them another name \(caller c\)$/, caller(''), caller('')],
  ['two scopes of one name', /scopes\[1\].name: is there twice: a scope s is also at 0.yaml:1:18/, 'scopes: [{ name: s, rules: [] }, { name: s, rules: [] }]'],
  ['a ClusterRole of a scope\'s name', /metadata.name: is there twice: a scope cr/, 'scopes: [{ name: cr, rules: [] }]', role('rules: []')],
  ['two keys of one id, of two callers', /callers\[1\].keys\[0\].id: is there twice: a key k7Q2mX9a/, `callers: [{ name: a, keys: [{ id: k7Q2mX9a, sha256: ${sha256} }] }, { name: b, keys: [{ id: k7Q2mX9a, sha256: ${sha256} }] }]`],
  ['a key id that is too short', /keys\[0\].id: must be the 8 letters and digits/, caller(`keys: [{ id: k7Q2mX9, sha256: ${sha256} }]`)],
  ['a key id that YAML reads as a number', /keys\[0\].id: must be .* in quotes/, caller(`keys: [{ id: 12345678, sha256: ${sha256} }]`)],
  ['a digest that is none', /keys\[0\].sha256: must be SHA-256 of the whole key/, caller('keys: [{ id: k7Q2mX9a, sha256: abc }]')],
  ['a whole key', /keys\[0\].key: a key itself is stored nowhere/, caller(`keys: [{ id: k7Q2mX9a, sha256: ${sha256}, key: pcl_x }]`)],
  ['a day that does not exist', /expiresAt: is no date that exists/, caller(`keys: [{ id: k7Q2mX9a, sha256: ${sha256}, expiresAt: 2027-13-01T00:00:00Z }]`)],
  ['a date without a time', /expiresAt: must be a time such as/, caller(`keys: [{ id: k7Q2mX9a, sha256: ${sha256}, expiresAt: 2027-01-01 }]`)],
  ['a scope that is not there', /^0.yaml:1:31 callers\[0\].scopes\[0\]: names no scope: nope; there are none \(caller c\)$/, caller('scopes: [nope]')],
  ['a scope that is nearly there', /scopes\[0\]: names no scope: read-wrokloads; is read-workloads meant\? \(caller c\)$/, `scopes: [{ name: read, rules: [] }, { name: read-workloads, rules: [] }]\n${caller('scopes: [read-wrokloads]')}`],
  ['a scope unlike all that are there', /scopes\[0\]: names no scope: logs \(caller c\)$/, `scopes: [{ name: read-workloads, rules: [] }]\n${caller('scopes: [logs]')}`],
  ['a rule with nothing behind its dash', /scopes\[0\].rules\[0\]: must be a mapping \(scope s\)$/, 'scopes:\n  - name: s\n    rules:\n      -\n'],
  ['a name given twice in one caller', /^0.yaml:3:5 Map keys must be unique$/, 'callers:\n  - name: c\n    name: d\n'],
  ['a scope that is not there, in the long form', /scopes\[0\]: names no scope: nope/, caller('scopes: [{ name: nope, namespaces: [a] }]')],
  ['a ClusterRole without namespaces', /callers\[0\].scopes\[0\]: is a ClusterRole, which knows no namespaces/, role('rules: []'), caller('scopes: [cr]')],
  ['a ClusterRole without namespaces, in the long form', /is a ClusterRole/, role('rules: []'), caller('scopes: [{ name: cr }]')],
  ['an aggregated ClusterRole', /aggregationRule: cannot be followed here/, role('rules: []\naggregationRule: { clusterRoleSelectors: [] }')],
  ['a ClusterRole without rules', /rules: is missing/, role('')],
  ['namespaces in a ClusterRole', /rules\[0\].namespaces: has no place in a ClusterRole/, role('rules: [{ verbs: [get], apiGroups: [""], resources: [pods], namespaces: [a] }]')],
  ['a manifest of another kind', /^0.yaml:2:7 kind: must be one of: ClusterRole \(scope cr\)$/, role('rules: []').replace('ClusterRole', 'Role')],
  ['a rule about resources without namespaces', /scopes\[0\].rules\[0\].namespaces: is missing/, scope('{ apiGroups: [""], resources: [pods], verbs: [get] }')],
  ['the same in a caller\'s own rules', /callers\[0\].rules\[0\].namespaces: is missing/, caller('rules: [{ apiGroups: [""], resources: [pods], verbs: [get] }]')],
  ['a star among namespaces', /rules\[0\].namespaces: must be \["\*"\] alone/, scope(rule.replace('[a]', '["*", a]'))],
  ['a star among the long form\'s namespaces', /scopes\[0\].namespaces: must be \["\*"\] alone/, `${scope(rule)}\n${caller('scopes: [{ name: s, namespaces: [a, "*"] }]')}`],
  ['namespaces that are no list', /rules\[0\].namespaces: must be a list/, scope(rule.replace('[a]', 'null'))],
  ['a route that is none', /acknowledge\[0\]: must be one of: mint-token/, scope(rule.replace(' }', ', acknowledge: [everything] }'))],
  ['a word that is no field of a rule', /rules\[0\].verb: is unknown here; known: verbs/, scope(rule.replace(' }', ', verb: [get] }'))],
  ['the group that is allowed everything', /impersonate.groups: must not hold system:masters/, caller('impersonate: { user: u, groups: [a, "system:masters"] }')],
  ['a user that would be two header lines', /impersonate.user: must be a name of printable ASCII/, caller('impersonate: { user: "a\\nb" }')],
  ['a group that would be two header lines', /impersonate.groups\[0\]: must be a name of printable ASCII/, caller('impersonate: { user: a, groups: ["a\\r\\nb"] }')],
  ['an address without its length', /allowedFrom\[0\]: must be a CIDR/, caller('allowedFrom: [10.0.0.1]')],
  ['a caller by JWT without its issuer', /jwt.issuer: is missing/, caller('jwt: { audience: p, claims: { sub: x } }')],
  ['a limit of nothing', /limits.inFlight: must be a whole number from 1 to 1000000/, caller('limits: { inFlight: 0 }')],
  ...['.inf', '-.inf', '.nan', '1e999', '1000001', '0'].map((number): [string, RegExp, string] => [
    `a rate of ${number}`, /limits.requestsPerSecond: must be a number above 0 and at most 1000000/, caller(`limits: { requestsPerSecond: ${number} }`),
  ]),
  ...['burst', 'inFlight', 'streams'].flatMap(limit => ['.inf', '.nan', '1e999', '1000001', '1.5'].map((number): [string, RegExp, string] => [
    `${limit}: ${number}`, new RegExp(`limits.${limit}: must be a whole number from 1 to 1000000`), caller(`limits: { ${limit}: ${number}, requestsPerSecond: 1 }`),
  ])),
  ['broken YAML', /^0.yaml:1:\d+ Missing closing/, 'callers: "a'],
] as const) {
  t.test(`${what} is a fault`, async (t) => {
    const { faults } = await findings(t, ...texts)
    t.equal(faults.length, 1, faults.join('\n'))
    t.match(faults[0], fault)
  })
}

for (const [what, warning, text] of [
  ['a rule without verbs', /scopes\[0\].rules\[0\]: allows nothing: it has no verbs/, scope(rule.replace('[get]', '[]'))],
  ['a rule whose verbs are null', /allows nothing: it has no verbs/, scope(rule.replace('[get]', 'null'))],
  ['a rule without resources', /allows nothing: it has no resources/, scope('{ apiGroups: [""], verbs: [get] }')],
  ['a rule without groups', /allows nothing: it has no apiGroups/, scope(rule.replace('apiGroups: [""], ', ''))],
  ['a rule with no namespaces', /namespaces: is empty/, scope(rule.replace('[a]', '[]'))],
  ['a namespace that cannot be', /namespaces\[0\]: matches no namespace/, scope(rule.replace('[a]', '[Team_A]'))],
  ['a path that cannot be', /nonResourceURLs\[1\]: matches no path/, scope('{ nonResourceURLs: [/a*, b, "*"], verbs: [get] }')],
  ['a star within a path', /nonResourceURLs\[0\]: matches no path/, scope('{ nonResourceURLs: ["/a*/b"], verbs: [get] }')],
  ['a key whose end is over', /expiresAt: lies in the past/, caller(`rules: [${rule}], keys: [{ id: k7Q2mX9a, sha256: ${sha256}, expiresAt: 2026-11-21T00:00:00Z }]`)],
  ['a key that ended before it began', /expiresAt: lies before createdAt: the key was never good/, caller(`rules: [${rule}], keys: [{ id: k7Q2mX9a, sha256: ${sha256}, createdAt: 2026-01-02T00:00:00Z, expiresAt: 2026-01-01T00:00:00Z }]`)],
  ['the same by its offset from UTC', /expiresAt: lies before createdAt/, caller(`rules: [${rule}], keys: [{ id: k7Q2mX9a, sha256: ${sha256}, createdAt: 2027-01-01T00:00:00Z, expiresAt: "2027-01-01T01:00:00+02:00" }]`)],
  ['an empty rule', /rules\[0\]: allows nothing: it has no verbs; name them, as in verbs: \[get, list, watch\], or take the rule out \(scope s\)$/, scope('{}')],
  ['a glob of too many letters', /namespaces\[0\]: matches no namespace: their names have 63 characters at most/, scope(rule.replace('[a]', `["${'a'.repeat(64)}*"]`))],
  ['a namespace that begins with a dash', /namespaces\[0\]: matches no namespace/, scope(rule.replace('[a]', '["-a"]'))],
  ['a create by name', /rules\[0\].verbs\[1\]: is never allowed here: a create names no object.*without resourceNames/, scope(rule.replace('[get]', '[get, create]').replace(' }', ', resourceNames: [x] }'))],
  ['a deletecollection by name', /verbs\[0\]: is never allowed here: a deletecollection names no object/, scope(rule.replace('[get]', '[deletecollection]').replace('[pods]', '[pods, pods/log]').replace(' }', ', resourceNames: [x] }'))],
  ['a narrowing to other namespaces', /callers\[0\].scopes\[0\].namespaces: leaves nothing of scope s/, `${scope(rule)}\n${caller(`scopes: [{ name: s, namespaces: [b, "c-*"] }], keys: [{ id: k7Q2mX9a, sha256: ${sha256} }]`)}`],
  ['a narrowing of paths, which have no namespace', /leaves nothing of scope s/, `${scope('{ nonResourceURLs: [/metrics], verbs: [get] }')}\n${caller(`scopes: [{ name: s, namespaces: [b] }], keys: [{ id: k7Q2mX9a, sha256: ${sha256} }]`)}`],
  ['a caller without a key', /callers\[0\]: has no key: portcullis key create c \(caller c\)$/, caller(`rules: [${rule}]`)],
  ['a caller who may do nothing', /callers\[0\]: has no scopes and no rules/, caller(`keys: [{ id: k7Q2mX9a, sha256: ${sha256} }]`)],
  ['a cluster that is not there', /clusters\[0\]: names no cluster of the config; there are: prod/, caller(`clusters: [dev], rules: [${rule}], keys: [{ id: k7Q2mX9a, sha256: ${sha256} }]`)],
  ['no cluster at all', /clusters: is empty/, caller(`clusters: [], rules: [${rule}], keys: [{ id: k7Q2mX9a, sha256: ${sha256} }]`)],
  ['a burst beyond no rate', /limits.burst: limits nothing without requestsPerSecond/, caller(`limits: { burst: 5 }, rules: [${rule}], keys: [{ id: k7Q2mX9a, sha256: ${sha256} }]`)],
  ['no source at all', /allowedFrom: is empty/, caller(`allowedFrom: [], rules: [${rule}], keys: [{ id: k7Q2mX9a, sha256: ${sha256} }]`)],
] as const) {
  t.test(`${what} is a warning`, async (t) => {
    const { faults, warnings } = await findings(t, text)
    t.strictSame(faults, [])
    t.equal(warnings.length, 1, warnings.join('\n'))
    t.match(warnings[0], warning)
  })
}

for (const [what, text] of [
  ['a narrowing that meets one rule of the scope', `${scope(`${rule}, ${rule.replace('[a]', '["b-*"]')}`)}\n${caller(`scopes: [{ name: s, namespaces: ["*-x"] }], keys: [{ id: k7Q2mX9a, sha256: ${sha256} }]`)}`],
  ['a create beside what creates by name', scope(rule.replace('[get]', '[create, patch]').replace(' }', ', resourceNames: [x] }'))],
  ['a create below an object that is named', scope(rule.replace('[get]', '[create]').replace('[pods]', '[pods/eviction]').replace(' }', ', resourceNames: [x] }'))],
  ['a list of one object by its field selector', scope(rule.replace('[get]', '[list, watch]').replace(' }', ', resourceNames: [x] }'))],
  ['many stars in a glob', scope(rule.replace('[a]', `["a${'*'.repeat(70)}"]`))],
  ['a revoked key whose end is over', caller(`rules: [${rule}], keys: [{ id: k7Q2mX9a, sha256: ${sha256}, expiresAt: 2026-11-01T00:00:00Z, revokedAt: 2026-10-01T00:00:00Z }]`)],
] as const) {
  t.test(`${what} is no warning`, async (t) => {
    t.strictSame(await findings(t, text), { faults: [], warnings: [] })
  })
}

t.test('of duplicates in several files both places are told', async (t) => {
  const { faults } = await findings(t,
    `callers: [{ name: a, keys: [{ id: k7Q2mX9a, sha256: ${sha256} }] }]`,
    `callers: [{ name: b, keys: [{ id: k7Q2mX9a, sha256: ${sha256} }] }]`)
  t.strictSame(faults, ['1.yaml:1:35 callers[0].keys[0].id: is there twice: a key k7Q2mX9a is also at 0.yaml:1:35 (caller a); an id stands for one key of one caller (caller b)'])
})

t.test('of 10,000 callers the bad one is named with its line, and nothing is in force', async (t) => {
  const lines = Array.from({ length: 10_000 }, (_, index) => `  - name: ci-${index}\n    rules:\n      - ${rule}\n    keys:\n      - { id: ${String(index).padStart(8, 'k')}, sha256: ${sha256} }\n`)
  lines[9_998] = lines[9_998]!.replace(sha256, 'abc').replace('namespaces: [a]', 'namespaces: ["*", a]').replace('    rules', '    scopes: [nope]\n    rules')
  const folder = t.testdir({ 'callers.yaml': `callers:\n${lines.join('')}` })
  const { faults, callers, keys } = await loadCallers([folder], { now })
  t.strictSame(faults.map(fault => formatFault({ ...fault, file: 'callers.yaml' }).replace(/: must.*(?= \()/, '')), [
    'callers.yaml:49993:14 callers[9998].scopes[0]: names no scope: nope; there are none (caller ci-9998)',
    'callers.yaml:49995:73 callers[9998].rules[0].namespaces (caller ci-9998)',
    'callers.yaml:49997:33 callers[9998].keys[0].sha256 (caller ci-9998)',
  ])
  t.strictSame([callers.length, keys.size], [0, 0])
})

t.test('10,000 callers with a warning each are told of in a moment', async (t) => {
  const folder = t.testdir({ 'callers.yaml': `callers:\n${Array.from({ length: 10_000 }, (_, index) => `  - { name: ci-${index}, rules: [${rule}] }\n`).join('')}` })
  const before = process.cpuUsage()
  const { warnings } = await loadCallers([folder], { now })
  const { user } = process.cpuUsage(before)
  t.equal(warnings.length, 10_000)
  t.match(warnings[9_999], { line: 10_001, column: 5, subject: 'caller ci-9999' })
  // Quadratic work would be minutes.
  t.ok(user < 10_000_000, `${user} µs`)
})

t.test('one bad piece hides no other fault, not even of the same caller', async (t) => {
  const { faults } = await findings(t, `scopes:
  - name: s
    rules:
      - { apiGroups: [""], resources: [pods], verbs: [get] }
      - { apiGroups: 3, resources: [pods], verbs: [get] }
      - { apiGroups: [""], resources: [pods], verbs: [get], namespaces: ["*", x] }
callers:
  - name: c
    scopes: [s, nope]
    keys: [{ id: short, sha256: ${sha256} }]
    allowedFrom: [x]
`)
  t.strictSame(faults.map(fault => fault.split(' ')[1]), [
    'scopes[0].rules[0].namespaces:', 'scopes[0].rules[1].apiGroups:', 'scopes[0].rules[2].namespaces:',
    'callers[0].scopes[1]:', 'callers[0].keys[0].id:', 'callers[0].allowedFrom[0]:',
  ])
})

t.test('with one fault nothing is in force: no caller, no scope, no key', async (t) => {
  const folder = t.testdir({ 'a.yaml': `callers: [{ name: a, keys: [{ id: k7Q2mX9a, sha256: ${sha256} }] }]`, 'b.yaml': 'callers: [{ name: b, jot: {} }]' })
  const { callers, scopes, keys, faults } = await loadCallers([folder])
  t.strictSame([callers.length, scopes.size, keys.size, faults.length], [0, 0, 0, 1])
  await t.rejects(requireCallers([folder]), { name: 'FaultsError', message: /jot: is unknown here/ })
})

t.test('a file that is not there is a fault; an empty folder is nobody', async (t) => {
  const folder = t.testdir({})
  t.match(await loadCallers([join(folder, 'x.yaml')]), { faults: [{ file: join(folder, 'x.yaml'), message: 'does not exist' }] })
  t.match(await loadCallers([folder]), { callers: [], faults: [] })
})

t.test('a caller may hold a scope of a file that is read later', async (t) => {
  const texts = { 'a.yaml': caller('scopes: [s]'), 'b.yaml': scope(rule) }
  const one = await loadCallers([t.testdir(texts)])
  t.match(one, { faults: [], callers: [{ name: 'c', grants: [{ scope: 's' }] }] })
})
