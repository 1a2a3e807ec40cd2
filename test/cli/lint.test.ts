import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { assembleCallers, readCallers } from '../../src/callers/load.ts'
import { checkCommand } from '../../src/cli/check.ts'
import { lintCallers } from '../../src/cli/lint/lint.ts'
import { formatFault } from '../../src/files/fault.ts'
import { ear } from '../support/command.ts'

async function lint(t: Test, text: string) {
  const folder = t.testdir({ 'callers.yaml': text })
  const read = await readCallers([join(folder, 'callers.yaml')])
  t.strictSame(assembleCallers(read).faults.map(formatFault), [])
  const { warnings, farReaching } = lintCallers({ scopes: read.flatMap(({ scopes }) => scopes), callers: read.flatMap(({ callers }) => callers) })
  return { lines: warnings.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`), farReaching: [...farReaching] }
}

/** A scope of one rule, and a caller that holds it. */
const held = (rule: string, reference = 's') => `scopes:\n  - name: s\n    rules:\n      - { ${rule} }\ncallers:\n  - { name: ci, scopes: [${reference}] }\n`
const here = 'namespaces: [a]'

t.test('what reaches further than it says is named where it stands, with what to do', async (t) => {
  const rows: [string, RegExp[]][] = [
    [`apiGroups: [""], resources: [configmaps, pods], verbs: [get, create], ${here}`, [/^4:52 scopes\[0\]\.rules\[0\]\.resources\[1\]: runs pods under any service account of the namespace.*give the callers impersonate/]],
    [`apiGroups: [apps], resources: [deployments], verbs: [patch], ${here}`, [/resources\[0\]: runs pods under any service account/]],
    [`apiGroups: [batch], resources: [cronjobs], verbs: [update], ${here}`, [/runs pods under any service account/]],
    [`apiGroups: [apps.openshift.io], resources: [deploymentconfigs], verbs: [create], ${here}`, [/runs pods under any service account/]],
    [`apiGroups: [networking.k8s.io], resources: [ingresses], verbs: [create], ${here}`, [/claims any host name/]],
    [`apiGroups: [""], resources: [routes], verbs: [update], ${here}`, [/claims any host name/]],
    [`apiGroups: [image.openshift.io], resources: [imagestreamtags], verbs: [create], ${here}`, [/takes in images of other namespaces/]],
    [`apiGroups: ["", discovery.k8s.io], resources: [endpointslices], verbs: [patch], ${here}`, [/leads traffic to any address/]],
    [`apiGroups: [""], resources: [services], verbs: [update], ${here}`, [/leads traffic to any address/]],
    ['apiGroups: [""], resources: [secrets], verbs: [list], namespaces: ["*"]', [/resources\[0\]: reads Secrets across namespaces/]],
    ['apiGroups: [""], resources: [secrets], verbs: [get], namespaces: ["team-*"]', [/reads Secrets across namespaces/]],
    [`apiGroups: [""], resources: [secrets], verbs: [get, create], ${here}`, [/makes Secrets beside reading them: .*service-account-token/]],
    [`apiGroups: [""], resources: [pods, services], verbs: [create], ${here}`, [/runs pods/, /leads traffic/]],
    [`apiGroups: [""], resources: [pods], verbs: [get, "*"], ${here}`, [/^4:\d+ scopes\[0\]\.rules\[0\]\.verbs\[1\]: verbs is a wildcard, which also holds pods under any service account and whatever is added later: name what is needed$/]],
    [`apiGroups: [""], resources: ["*"], verbs: [get], ${here}`, [/resources\[0\]: resources is a wildcard, which also holds secrets and whatever is added later/]],
    ['apiGroups: ["*"], resources: ["*"], verbs: ["*"], namespaces: ["*"]', [/verbs and resources are wildcards, which also hold secrets across namespaces, pods .*, routes .*, images .*, traffic to any address, tokens through Secrets and whatever is added later/]],
    ['nonResourceURLs: [/metrics], verbs: ["*"]', [/verbs is a wildcard/]],
  ]
  for (const [rule, expected] of rows) {
    const { lines, farReaching } = await lint(t, held(rule))
    t.match(lines, expected, rule)
    t.equal(lines.length, expected.length, rule)
    t.strictSame(farReaching, ['ci'])
  }
})

t.test('their nearest harmless neighbours pass', async (t) => {
  for (const rule of [
    `apiGroups: [""], resources: [pods], verbs: [get, list, watch, delete, patch], ${here}`,
    `apiGroups: [""], resources: [pods/log, pods/exec], verbs: [get, create], ${here}`,
    `apiGroups: [apps], resources: [deployments], verbs: [get, delete], ${here}`,
    `apiGroups: [apps], resources: [deployments/scale, "*/status"], verbs: [update, patch], ${here}`,
    `apiGroups: [apps], resources: [pods], verbs: [create], ${here}`,
    `apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [create], ${here}`,
    `apiGroups: [""], resources: [secrets], verbs: [get, list, watch], namespaces: [a, b]`,
    `apiGroups: [""], resources: [secrets], verbs: [create, patch], ${here}`,
    `apiGroups: [""], resources: [services], verbs: [get], namespaces: ["*"]`,
    'nonResourceURLs: [/metrics], verbs: [get]',
  ]) t.strictSame(await lint(t, held(rule)), { lines: [], farReaching: [] }, rule)
})

t.test('where a rule holds is what counts: the long form narrows it, and tells where a ClusterRole is', async (t) => {
  const secrets = 'apiGroups: [""], resources: [secrets], verbs: [get]'
  t.strictSame((await lint(t, held(`${secrets}, namespaces: ["*"]`, '{ name: s, namespaces: [a] }'))).lines, [])
  t.equal((await lint(t, held(`${secrets}, namespaces: ["*"]`, '{ name: s, namespaces: [a] }, { name: s, namespaces: ["b-*"] }'))).lines.length, 1)
  const role = (callers: string) => `scopes:\n  - { apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: { name: s }, rules: [{ ${secrets} }] }\ncallers: [${callers}]\n`
  t.strictSame((await lint(t, role(''))).lines, [], 'held by nobody, it is nowhere')
  t.strictSame((await lint(t, role('{ name: ci, scopes: [{ name: s, namespaces: [a, b] }] }'))).lines, [])
  t.match((await lint(t, role('{ name: ci, scopes: [{ name: s, namespaces: ["*"] }] }'))).lines, [/^2:\d+ scopes\[0\]\.rules\[0\]\.resources\[0\]: reads Secrets/])
})

t.test('one warning a rule and kind, however many hold it; none where the API server judges the caller itself', async (t) => {
  const scope = 'scopes:\n  - { name: s, rules: [{ apiGroups: [""], resources: [pods], verbs: [create], namespaces: [a] }] }\n'
  const both = await lint(t, `${scope}callers: [{ name: a, scopes: [s] }, { name: b, scopes: [s] }, { name: c, scopes: [s], impersonate: { user: c } }]`)
  t.equal(both.lines.length, 1)
  t.strictSame(both.farReaching, ['a', 'b'])
  t.strictSame((await lint(t, `${scope}callers: [{ name: c, scopes: [s], impersonate: { user: c } }]`)).lines, [])
  t.equal((await lint(t, `${scope}callers: []`)).lines.length, 1, 'a scope that nobody holds yet')
  const own = await lint(t, 'callers: [{ name: a, rules: [{ apiGroups: [batch], resources: [jobs], verbs: [create], namespaces: [a] }] }]')
  t.match(own.lines, [/^1:\d+ callers\[0\]\.rules\[0\]\.resources\[0\]: runs pods/])
})

t.test('making Secrets is told of where the same caller reads them in the same place, by whichever rule', async (t) => {
  const two = (where: string, callers: string) => `scopes:
  - { name: make, rules: [{ apiGroups: [""], resources: [secrets], verbs: [create], namespaces: [a] }] }
  - { name: read, rules: [{ apiGroups: [""], resources: [secrets], verbs: [get], namespaces: [${where}] }] }
callers: [${callers}]
`
  t.match((await lint(t, two('a', '{ name: x, scopes: [make, read] }'))).lines, [/^2:\d+ .*makes Secrets/])
  t.match((await lint(t, two('a, "b-*"', '{ name: x, scopes: [make, read] }'))).lines, [/^2:\d+ .*makes Secrets/, /^3:\d+ .*reads Secrets/])
  t.strictSame((await lint(t, two('b', '{ name: x, scopes: [make, read] }'))).lines, [])
  t.strictSame((await lint(t, two('a', '{ name: x, scopes: [make] }, { name: y, scopes: [read] }'))).lines, [])
  t.strictSame((await lint(t, two('a', ''))).lines, [])
})

t.test('keys without an end are one line a caller, revoked ones none', async (t) => {
  const key = (id: string, more = '') => `{ id: ${id}, sha256: ${'ab'.repeat(32)}${more} }`
  const keys = (...list: string[]) => `callers: [{ name: ci, keys: [${list.join(', ')}] }]`
  const end = ', expiresAt: 2027-02-19T10:00:00Z'
  t.strictSame((await lint(t, keys(key('aaaaaaa1', end), key('aaaaaaa2', ', revokedAt: 2026-01-01T00:00:00Z')))).lines, [])
  const { lines, farReaching } = await lint(t, keys(key('aaaaaaa1', end), key('aaaaaaa2'), key('aaaaaaa3'), key('aaaaaaa4')))
  t.match(lines, [/^1:\d+ callers\[0\]\.keys\[1\]: has no end \(nor have aaaaaaa3, aaaaaaa4\).*portcullis key create ci --expires 90d/])
  t.strictSame(farReaching, [])
})

t.test('discovery that is off is told of, unless rules open it again', async (t) => {
  t.match((await lint(t, 'callers: [{ name: ci, discovery: false }]')).lines, [/^1:\d+ callers\[0\]\.discovery: is off: kubectl/])
  const rule = (urls: string, verbs = 'get') => `callers: [{ name: ci, discovery: false, rules: [{ nonResourceURLs: [${urls}], verbs: [${verbs}] }] }]`
  t.strictSame((await lint(t, rule('/api, "/api/*", /apis, "/apis/*"'))).lines, [])
  t.strictSame((await lint(t, rule('"/ap*"'))).lines, [])
  t.equal((await lint(t, rule('/api'))).lines.length, 1)
  t.equal((await lint(t, rule('"/ap*"', 'post'))).lines.length, 1)
  const scoped = 'scopes: [{ name: s, rules: [{ nonResourceURLs: ["/ap*"], verbs: [get] }] }]\ncallers: [{ name: ci, discovery: false, scopes: [s] }]'
  t.strictSame((await lint(t, scoped)).lines, [])
})

t.test('check prints them as warnings with their places, counts them, and is strict about them when told to', async (t) => {
  const folder = t.testdir({
    'p.yaml': 'listen: { insecure: true }\nclusters: [{ name: prod, server: "https://127.0.0.1:1", credential: { tokenEnv: T } }]\n',
    'callers.yaml': held(`apiGroups: [""], resources: [pods], verbs: [create], ${here}`),
  })
  const check = async (strict: boolean) => {
    const stdout = ear()
    const code = await checkCommand({ configFile: join(folder, 'p.yaml'), strict }, { stdout, env: { T: 'x' }, now: Date.now })
    return { code, lines: stdout.text.trimEnd().split('\n') }
  }
  t.match(await check(false), {
    code: 0,
    lines: [
      /callers\.yaml:4:\d+ scopes\[0\]\.rules\[0\]\.resources\[0\]: warning: runs pods/, /callers\.yaml:6:5 callers\[0\]: warning: has no key/,
      'caller ci should have impersonate: the API server then judges ci itself, and its flow control tells it from others',
      /^cluster prod was not asked/, /p\.yaml: no faults, 2 warnings; 1 caller, 1 scope, no keys$/,
    ],
  })
  t.equal((await check(true)).code, 1)
})

t.test('a plain and sound config gives a strict check nothing to say', async (t) => {
  const folder = t.testdir({
    'p.yaml': 'listen: { insecure: true }\nclusters: [{ name: prod, server: "https://127.0.0.1:1", credential: { tokenEnv: T } }]\n',
    'callers.yaml': `scopes:
  - name: read-workloads
    rules: [{ apiGroups: ["", apps], resources: [pods, pods/log, deployments, services, configmaps], verbs: [get, list, watch], namespaces: [team-a, "team-b-*"] }]
callers: [{ name: ci, scopes: [read-workloads], keys: [{ id: k7Q2mX9a, sha256: ${'ab'.repeat(32)}, expiresAt: 2099-02-19T10:00:00Z }] }]
`,
  })
  const stdout = ear()
  t.equal(await checkCommand({ configFile: join(folder, 'p.yaml'), strict: true }, { stdout, env: { T: 'x' }, now: Date.now }), 0, stdout.text)
})

t.test('the shipped example is told of what it shows on purpose, and of nothing else', async (t) => {
  const { lines } = await lint(t, readFileSync(new URL('../../config/callers.yaml', import.meta.url), 'utf8'))
  t.match(lines, [/scopes\[1\]\.rules\[0\]\.resources\[0\]: runs pods/])
  t.equal(lines.length, 1)
})
