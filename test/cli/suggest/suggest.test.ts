import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { parse } from 'yaml'
import type { LoggedEvent } from '../../../src/audit-log/event.ts'
import { rulesFor } from '../../../src/cli/suggest/rules.ts'
import { suggestCommand, type SuggestArgs } from '../../../src/cli/suggest/suggest.ts'
import type { Done } from '../../../src/cli/suggest/tally.ts'
import { loadCallers } from '../../../src/callers/load.ts'
import type { GuardRoute } from '../../../src/model/caller.ts'
import { loggedLine } from '../../support/audit-lines.ts'
import { ear } from '../../support/command.ts'
import { runCommand } from '../../support/run-command.ts'

let number = 0

interface Doing {
  readonly verb?: string
  /** `pods`, `pods/log`, `deployments.apps`; or a path. */
  readonly what?: string
  readonly namespace?: string
  readonly name?: string
  readonly caller?: string
  readonly code?: string
  readonly status?: number
  readonly at?: string
  readonly annotations?: Record<string, string | undefined>
  readonly more?: Partial<LoggedEvent>
}

/** A line of the log: `ci` lists the pods of team-a, unless told otherwise. */
function did({ verb = 'list', what = 'pods', namespace = 'team-a', name, caller = 'ci', code, status = 200, at = '2026-11-21T10:00:00.000000Z', annotations = {}, more = {} }: Doing = {}): string {
  const [type = '', subresource] = what.split('/')
  const [resource = '', ...group] = type.split('.')
  const isPath = what.startsWith('/')
  const { objectRef: _, ...rest } = {
    auditID: `id-${number++}`, verb, user: { username: caller }, requestURI: isPath ? what : '/api/v1/x', stageTimestamp: at, responseStatus: { code: status },
    annotations: { 'authorization.k8s.io/decision': code === undefined ? 'allow' : 'forbid', 'portcullis.dev/cluster': 'prod', ...code === undefined ? {} : { 'portcullis.dev/code': code }, ...annotations },
    objectRef: undefined, ...more,
  }
  const objectRef = isPath ? {} : { objectRef: { resource, apiGroup: group.join('.'), ...namespace === '' ? {} : { namespace }, ...name === undefined ? {} : { name }, ...subresource === undefined ? {} : { subresource } } }
  const line = JSON.parse(loggedLine({ ...rest, ...objectRef } as Partial<LoggedEvent>)) as Record<string, unknown>
  if (isPath) delete line['objectRef']
  return JSON.stringify(line)
}

const now = Date.parse('2026-11-22T10:00:00Z')

async function suggest(lines: readonly string[] | string, args: Partial<SuggestArgs> = {}, { tty = false } = {}) {
  const [stdout, stderr] = [Object.assign(ear(), { isTTY: tty }), Object.assign(ear(), { isTTY: tty })]
  const text = typeof lines === 'string' ? lines : lines.map(line => `${line}\n`).join('')
  const code = await suggestCommand({ files: ['-'], caller: 'ci', configNamed: false, configFile: () => Promise.reject(new Error('no config')), ...args }, {
    stdin: Readable.from([text]), stdout, stderr, env: {}, now: () => now,
  })
  return { code, stdout: stdout.text, stderr: stderr.text, rules: rulesIn(stdout.text) }
}

/** Without what every rule here has. */
function rulesIn(text: string): object[] {
  const parsed = text.startsWith('#') ? parse(text) as { scopes: { rules: object[] }[] } : { scopes: [{ rules: [] }] }
  return parsed.scopes[0]?.rules ?? []
}

const config = `listen: { insecure: true }
clusters: [{ name: prod, server: "https://x", credential: { tokenEnv: T } }, { name: test, server: "https://y", credential: { tokenEnv: T } }]
audit: { sinks: [{ file: { path: audit.log } }] }
`
const pod = (fields: object) => ({ apiGroups: [''], resources: ['pods'], ...fields, namespaces: ['team-a'] })

t.test('verbs, resources and namespaces are taken together where that says no more', async (t) => {
  const lines = ['team-a', 'team-b'].flatMap(namespace => ['pods', 'services'].flatMap(what => ['watch', 'list'].map(verb => did({ verb, what, namespace }))))
  t.strictSame((await suggest(lines)).rules, [{ apiGroups: [''], resources: ['pods', 'services'], verbs: ['list', 'watch'], namespaces: ['team-a', 'team-b'] }])
  const holed = lines.filter(line => !(line.includes('"watch"') && line.includes('"pods"') && line.includes('"team-a"')))
  t.strictSame((await suggest(holed)).rules, [
    { apiGroups: [''], resources: ['pods', 'services'], verbs: ['list', 'watch'], namespaces: ['team-b'] },
    pod({ verbs: ['list'] }),
    { apiGroups: [''], resources: ['services'], verbs: ['list', 'watch'], namespaces: ['team-a'] },
  ], 'a hole is left open')
})

t.test('of groups two are two rules: a resource of one is not there in the other', async (t) => {
  t.strictSame((await suggest([did(), did({ what: 'deployments.apps' })])).rules, [pod({ verbs: ['list'] }), { apiGroups: ['apps'], resources: ['deployments'], verbs: ['list'], namespaces: ['team-a'] }])
})

t.test('names of objects: few of them, none of many, none of generated ones; and as --names says', async (t) => {
  const gets = (count: number, name = (index: number) => `web-${index}`) => Array.from({ length: count }, (_, index) => did({ verb: 'get', name: name(index) }))
  const named = pod({ resourceNames: ['web-0', 'web-1'], verbs: ['get'] })
  const bare = pod({ verbs: ['get'] })
  t.strictSame((await suggest(gets(2))).rules, [named])
  const many = await suggest(gets(9))
  t.strictSame(many.rules, [bare])
  t.match(many.stdout, /# 9 requests, last 2026-11-21T10:00:00Z; more than 8 names, left out\n/)
  t.equal((await suggest(gets(8))).rules.length, 1)
  t.match((await suggest(gets(8))).rules, [{ resourceNames: { length: 8 } }])
  const generated = await suggest(gets(1, () => 'web-7f9c6b5d4-x2x9z'))
  t.strictSame(generated.rules, [bare])
  t.match(generated.stdout, /generated names, left out/)
  t.match((await suggest(gets(1, () => 'web-7f9c6b5d4-x2x9z'), { names: 'all' })).rules, [{ resourceNames: ['web-7f9c6b5d4-x2x9z'] }])
  t.match((await suggest(gets(9), { names: 'all' })).rules, [{ resourceNames: { length: 9 } }])
  t.strictSame((await suggest(gets(2), { names: 'none' })).rules, [bare])
  t.match((await suggest([did({ verb: 'get', what: 'widgets.example.com', name: '[redacted]' })], { names: 'all' })).stdout, /its name is a secret/)
})

t.test('names stay where today has names, and those of secrets; what was not there does not count towards many', async (t) => {
  const gets = (names: readonly string[], more: Doing = {}) => names.map(name => did({ verb: 'get', name, ...more }))
  const numbered = (prefix: string, count = 9) => Array.from({ length: count }, (_, index) => `${prefix}-${index}`)
  const resourceNames = [...numbered('web'), 'web-x2x9z'].sort()
  const folder = t.testdir({ 'p.yaml': config, 'callers.yaml': `callers: [{ name: ci, rules: [{ apiGroups: [""], resources: [pods], verbs: [get], namespaces: [team-a], resourceNames: [${resourceNames.join(', ')}, other] }] }]\n` })
  const today = { configFile: async () => join(folder, 'p.yaml') }
  t.strictSame((await suggest(gets(resourceNames), today)).rules, [pod({ resourceNames, verbs: ['get'] })], 'no wider than today')
  t.strictSame((await suggest(gets(resourceNames))).rules, [pod({ verbs: ['get'] })])
  t.strictSame((await suggest(gets(resourceNames, { what: 'secrets' }))).rules, [{ apiGroups: [''], resources: ['secrets'], resourceNames, verbs: ['get'], namespaces: ['team-a'] }])
  t.match((await suggest(gets(['[redacted]'], { what: 'secrets' }))).stdout, /its name is a secret, and was not written/)

  const [here, gone] = [gets(['web-0', 'web-1']), (count: number) => gets(numbered('gone', count), { status: 404 })]
  t.match((await suggest([...here, ...gone(8), ...gone(8)])).rules, [{ resourceNames: { length: 10 } }])
  const probed = await suggest([...gone(9), ...here, ...gone(9)])
  t.strictSame(probed.rules, [pod({ resourceNames: ['web-0', 'web-1'], verbs: ['get'] })])
  t.match(probed.stdout, /# {3}18 x get pods in namespace "team-a": more than 8 names that nothing had \(404\)\n/)
  t.strictSame((await suggest(gone(9))).rules, [], 'and never a rule without names')
  t.strictSame((await suggest([...gone(9), ...gets(numbered('gone'))])).rules, [pod({ verbs: ['get'] })])
  t.match((await suggest(gone(9), { names: 'all' })).rules, [{ resourceNames: { length: 9 } }])
})

t.test('of two rules the wider one counts, however many routes they acknowledge', (t) => {
  const asked = { isResourceRequest: true, path: '', verb: 'get', apiPrefix: '', apiGroup: '', apiVersion: '', namespace: 'a', resource: 'pods', subresource: '', name: '' } as const
  const done = (acknowledge: GuardRoute[]): Done => ({ verbs: ['get'], asked, acknowledge, names: new Set(), nameless: 'all', met: new Set(), count: 1, last: 0 })
  t.match(rulesFor([done(['mint-token']), done(['mint-token', 'run-as-us'])], []), [{ rule: { acknowledge: ['mint-token', 'run-as-us'] }, count: 2 }])
  t.end()
})

t.test('what the audit policy of the config does not write is said first', async (t) => {
  const said = async (audit: string, files = {}) => {
    const folder = t.testdir({ 'p.yaml': config.replace('audit: {', `audit: { ${audit},`), 'callers.yaml': 'callers: [{ name: ci }]\n', ...files })
    const { stdout, code } = await suggest([did()], { configFile: async () => join(folder, 'p.yaml') })
    t.equal(code, 0)
    return stdout.replaceAll(`${folder}/`, '').split('\nscopes:')[0] ?? ''
  }
  const written = await said('policy: [{ level: None, verbs: [get, watch], resources: [{ resources: [pods], resourceNames: [x] }, { group: apps }] }, { level: None, callers: [bot] }, { level: Metadata }, { level: None, verbs: [list] }]')
  t.match(written, /The audit policy writes nothing of this: .* under "Never used" that says nothing:\n# {3}audit\.policy rule 1: verbs get, watch; resources pods \(x\), \*\.apps\n# To use it/)
  t.match(await said('policyFile: policy.yaml', { 'policy.yaml': 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: Metadata, verbs: [get] }]\n' }), /policy\.yaml: what none of its rules matches\n/)
  t.match(await said('policyFile: policy.yaml'), /policy\.yaml: nobody knows, for it cannot be read/)
  t.notMatch(await said('policy: [{ level: Metadata, verbs: [get] }]'), /audit policy/)
})

t.test('what to do with it is said', async (t) => {
  const rule = '{ apiGroups: [""], resources: [pods], verbs: [list], namespaces: [team-a] }'
  const said = async (caller: string, args: Partial<SuggestArgs> = {}) => {
    const folder = t.testdir({ 'p.yaml': config, 'callers.yaml': `scopes: [{ name: read, rules: [${rule}] }, { name: write, rules: [${rule}] }]\ncallers: [${caller}]\n` })
    return (await suggest([did()], { configFile: async () => join(folder, 'p.yaml'), ...args })).stdout
  }
  t.match(await said('{ name: ci, scopes: [read, write] }'), /# To use it: give caller ci scopes: \[ci-suggested\] in place of read, write\.\nscopes:/)
  t.match(await said(`{ name: ci, scopes: [read], rules: [${rule}] }`), /in place of read, its own rules\.\n/)
  t.match(await said('{ name: ci }'), /# To use it: give caller ci scopes: \[ci-suggested\]\.\n/)
  t.match(await said('{ name: ci, scopes: [read] }', { shadow: true }), /# To try it out: give caller ci scopes: \[…, ci-suggested\], beside what it holds\.\n# What it would deny, portcullis audit show --caller ci --would-deny lists\.\nscopes:/)
})

t.test('--output writes the file whole, into the folder of the callers too, and nothing over what somebody wrote', async (t) => {
  const folder = t.testdir({ 'p.yaml': `${config}callers: { file: callers }\n`, 'callers': { 'ci.yaml': 'callers: [{ name: ci }]\n', 'mine.yaml': 'scopes: [{ name: mine, rules: [] }]\n' } })
  const output = join(folder, 'callers/ci-suggested.yaml')
  const to = (output: string, args: Partial<SuggestArgs> = {}) => suggest([did()], { configFile: async () => join(folder, 'p.yaml'), output, ...args })
  for (const run of ['first', 'second']) {
    const { code, stdout, stderr } = await to(output)
    t.strictSame([code, stdout], [0, ''], run)
    t.match(stderr, /portcullis suggest: wrote scope ci-suggested to .*\/ci-suggested\.yaml\nTo use it: /)
    t.match(rulesIn(readFileSync(output, 'utf8')), [{ verbs: ['list'] }])
  }
  t.strictSame(readdirSync(join(folder, 'callers')), ['ci-suggested.yaml', 'ci.yaml', 'mine.yaml'])
  for (const file of ['callers/ci.yaml', 'callers/mine.yaml', 'p.yaml']) t.match(await to(join(folder, file)), { code: 1, stderr: /is there and holds something else than a scope ci-suggested: name another file/ }, file)
  t.match(await to(join(folder, 'none/x.yaml')), { code: 1, stderr: /its folder does not exist/ })
  t.match(await to(output, { json: true }), { code: 2 })
  writeFileSync(join(folder, 'callers/ci.yaml'), 'callers: [{ name: ci, scopes: [ci-suggested] }]\n')
  t.match(await to(output, { shadow: true }), { code: 1, stderr: /which caller ci holds/ })
  t.match((await to(output)).stderr, /caller ci holds ci-suggested already/)
})

t.test('what is over all namespaces, or in none, is ["*"], and what that has in it is not said again', async (t) => {
  const { rules, stdout } = await suggest([did(), did({ namespace: '' }), did({ verb: 'get', name: 'x' }), did({ what: 'nodes', namespace: '' })])
  t.strictSame(rules, [
    { apiGroups: [''], resources: ['nodes', 'pods'], verbs: ['list'], namespaces: ['*'] },
    pod({ resourceNames: ['x'], verbs: ['get'] }),
  ])
  t.match(stdout, /# 3 requests, last .*; \["\*"\], for something outside of namespaces or over all of them/)
})

t.test('namespaces by a glob, only where one is given', async (t) => {
  const lines = ['team-a', 'team-b', 'ops'].map(namespace => did({ namespace }))
  t.match((await suggest(lines)).rules, [{ namespaces: ['ops', 'team-a', 'team-b'] }])
  const { rules, stdout } = await suggest(lines, { namespaceGlob: ['team-*'] })
  t.match(rules, [{ namespaces: ['ops', 'team-*'] }])
  t.match(stdout, /namespaces by --namespace-glob/)
  for (const namespaceGlob of ['*', 'team-a', 'Team*']) t.equal((await suggest(lines, { namespaceGlob: [namespaceGlob] })).code, 2, namespaceGlob)
})

t.test('what is judged otherwise than it reads: upgrades, applies, updates that create, paths, projects', async (t) => {
  const api = { 'portcullis.dev/cluster': undefined }
  const form = (form: string) => ({ annotations: { 'portcullis.dev/request-form': form } })
  const rows: [string, string, object[]][] = [
    ['exec by WebSocket', did({ verb: 'get', what: 'pods/exec', name: 'x', ...form('upgrade') }), [{ verbs: ['create'], resources: ['pods/exec'] }]],
    ['the same in an older log', did({ verb: 'get', what: 'pods/exec', name: 'x', status: 101 }), [{ verbs: ['create'] }]],
    ['exec by GET that is no upgrade', did({ verb: 'get', what: 'pods/exec', name: 'x', status: 400 }), [{ verbs: ['get'] }]],
    ['an apply', did({ verb: 'patch', name: 'x', ...form('apply') }), [{ verbs: ['create', 'patch'], resourceNames: ['x'] }]],
    ['an apply in a log of an API server', did({ verb: 'patch', name: 'x', annotations: api, more: { requestURI: '/api/v1/x?fieldManager=k&force=true' } }), [{ verbs: ['create', 'patch'] }]],
    ['force in a patch of which our log does not say that it was an apply', did({ verb: 'patch', name: 'x', more: { requestURI: '/api/v1/x?force=true' } }), [{ verbs: ['patch'] }]],
    ['force in what the API server did not take', did({ verb: 'patch', name: 'x', annotations: api, status: 415, more: { requestURI: '/api/v1/x?force=true' } }), [{ verbs: ['patch'] }]],
    ['a patch', did({ verb: 'patch', name: 'x' }), [{ verbs: ['patch'] }]],
    ['PUT of a service', did({ verb: 'update', what: 'services', name: 'x' }), [{ verbs: ['create', 'update'], resourceNames: ['x'] }]],
    ['PUT of a pod', did({ verb: 'update', name: 'x' }), [{ verbs: ['update'] }]],
    ['a create, whose object the event names from its body', did({ verb: 'create', name: 'x', more: { requestURI: '/api/v1/namespaces/team-a/pods' } }), [{ verbs: ['create'], resourceNames: undefined }]],
    ['a path', did({ verb: 'get', what: '/clusters/test/metrics?x=y' }), [{ nonResourceURLs: ['/metrics'], verbs: ['get'] }]],
    ['discovery', did({ verb: 'get', what: '/apis/apps/v1?timeout=32s' }), []],
    ['a project', did({ verb: 'get', what: 'projects.project.openshift.io', namespace: '', name: 'x' }), [{ namespaces: ['x'] }]],
    ['projects', did({ verb: 'list', what: 'projects.project.openshift.io', namespace: '' }), [{ namespaces: ['*'] }]],
  ]
  for (const [what, line, rules] of rows) {
    const suggested = (await suggest([line])).rules
    t.equal(suggested.length, rules.length, what)
    t.match(suggested, rules, what)
  }
})

t.test('each request once, by its end; one that has none, all the same', async (t) => {
  const stages = (auditID: string, verb: string, ...stages: LoggedEvent['stage'][]) => stages.map(stage => did({ verb, more: { auditID, stage } }))
  const { stdout } = await suggest([...stages('a', 'list', 'RequestReceived', 'ResponseStarted', 'ResponseComplete'), ...stages('b', 'watch', 'RequestReceived', 'ResponseStarted'), ...stages('c', 'list', 'RequestReceived', 'Panic')])
  t.match(stdout, /: 3 requests\.\n/)
  t.match(stdout, /# 3 requests, last/)
})

t.test('what was refused is counted, and taken in only where that is asked for; a 401 never', async (t) => {
  const lines = [did(), did({ verb: 'delete', name: 'x', code: 'ScopeDenied', status: 403 }), did({ verb: 'delete', name: 'y', code: 'ScopeDenied', status: 403 }), did({ what: 'secrets', code: 'ImpersonationDenied', status: 403 }),
    did({ verb: 'create', code: 'UnknownKey', status: 401, annotations: { 'authorization.k8s.io/decision': '' } }), did({ verb: 'update', status: 429, annotations: {} }).replace('"authorization.k8s.io/decision":"allow",', '')]
  const without = await suggest(lines)
  t.strictSame(without.rules, [pod({ verbs: ['list'] })])
  t.match(without.stdout, /# Refused, and not in it \(--include-denied takes them in\), 4 requests:\n# {3}2 x delete pods in namespace "team-a" \(ScopeDenied\)\n/)
  const taken = await suggest(lines, { includeDenied: true })
  t.strictSame(taken.rules, [pod({ resourceNames: ['x', 'y'], verbs: ['delete'] }), pod({ verbs: ['list'] })])
  t.match(taken.stdout, /Of them 2 requests that were refused then/)
  const refusedOnly = await suggest([did({ code: 'ScopeDenied' })])
  t.match(refusedOnly.stdout, /rules: \[\]\n/)
  t.equal(refusedOnly.code, 0)
})

t.test('today: what differs, what was never used, what is acknowledged', async (t) => {
  const callers = `scopes:
  - name: read
    rules:
      - { apiGroups: ["", apps], resources: [pods, secrets], verbs: [get, list], namespaces: [team-a, "x-*"] }
      - { apiGroups: [batch], resources: [jobs], verbs: ["*"], namespaces: ["*"] }
  - { name: old, rules: [{ apiGroups: [""], resources: [nodes], verbs: [get], namespaces: ["*"] }] }
  - { name: tokens, rules: [{ apiGroups: [""], resources: [serviceaccounts/token], verbs: [create], namespaces: [team-a], resourceNames: [a, b], acknowledge: [mint-token, own-credential] }] }
callers:
  - { name: ci, scopes: [read, { name: old, namespaces: ["*"] }, tokens] }
`
  const folder = t.testdir({ 'p.yaml': config, 'callers.yaml': callers })
  const lines = [did(), did(), did({ verb: 'create', what: 'serviceaccounts/token', name: 'a' }), did({ verb: 'create', what: 'pods/exec', name: 'x', annotations: { 'portcullis.dev/guard-routes': 'run-as-us' } })]
  const today = { configFile: async () => join(folder, 'p.yaml') }
  const { rules, stdout, code } = await suggest(lines, today)
  t.equal(code, 0)
  t.strictSame(rules, [pod({ verbs: ['list'] }), { apiGroups: [''], resources: ['serviceaccounts/token'], resourceNames: ['a'], verbs: ['create'], namespaces: ['team-a'], acknowledge: ['mint-token'] }])
  t.match(stdout, /No rule can say this .*:\n# {3}1 x create pods\/exec "x" in namespace "team-a": guarded by run-as-us, which no rule of today acknowledges/)
  t.match(stdout, /# --- today: scope read, scope old, scope tokens\n# \+\+\+ suggested: scope ci-suggested\n# @@ -1,4 \+1,2 @@\n/)
  t.match(stdout, /# -- \{ apiGroups: \[batch\], .* \} {2}# scope read\n/)
  t.match(stdout, /Never used of today's rules:\n# {3}scope read: \* jobs of batch in \*\n# {3}scope old: none of it \(1 rule\)\n/)
  t.match(stdout, /scope read: get,list pods,secrets of "",apps in team-a,x-\*: of it never verbs get; apiGroups apps; resources secrets; namespaces "x-\*"\n/)
  t.match(stdout, /of it never resourceNames b; acknowledge own-credential\n/)
  t.notMatch(stdout, /\x1b/)
  const coloured = (await suggest(lines, today, { tty: true })).stdout
  t.match(coloured, /\n# \x1b\[31m-- \{.*\x1b\[0m\n/)
  t.strictSame(rulesIn(coloured), rules, 'coloured it is YAML all the same')

  const json = JSON.parse((await suggest(lines, { ...today, json: true })).stdout) as Record<string, unknown>
  t.match(json, {
    caller: 'ci', known: true, requests: 4, clusters: ['prod'], scope: { name: 'ci-suggested', rules: [{ verbs: ['list'] }, {}] },
    uses: [{ requests: 2, last: '2026-11-21T10:00:00Z' }, { requests: 1 }],
    unused: [{ scope: 'read', number: 1, whole: false, count: 2, never: { verbs: ['get'] } }, { scope: 'read', number: 2, whole: true }, { scope: 'old', whole: true }, { scope: 'tokens' }],
    difference: { removed: { length: 4 }, added: { length: 2 }, kept: [] },
  })
})

t.test('as a shadow scope it stands in for what the caller holds', async (t) => {
  const rule = '{ apiGroups: [""], resources: [pods], verbs: [list], namespaces: [team-a] }'
  const files = (own: string) => ({ 'p.yaml': config, 'callers.yaml': `scopes: [{ name: read, rules: [${rule}] }, { name: ci-suggested, rules: [${rule}] }]\ncallers: [{ name: ci, scopes: [read]${own} }]\n` })
  const scopeOf = async (own: string) => {
    const folder = t.testdir(files(own))
    const { stdout } = await suggest([did()], { shadow: true, configFile: async () => join(folder, 'p.yaml') })
    writeFileSync(join(folder, 'new.yaml'), stdout)
    t.strictSame((await loadCallers([join(folder, 'new.yaml')])).faults, [])
    return (parse(stdout) as { scopes: object[] }).scopes[0]
  }
  t.strictSame(await scopeOf(''), { name: 'ci-suggested-2', mode: 'shadow', replaces: ['read'], rules: [pod({ verbs: ['list'] })] })
  t.notMatch(await scopeOf(`, rules: [${rule}]`), { replaces: [] })
  t.match((await suggest([did()], { shadow: true, name: 'next' })).stdout, / {2}- name: next\n {4}mode: shadow\n {4}rules:\n/)
})

t.test('a caller that no file has: by the log alone, which is said, and without any acknowledge', async (t) => {
  const folder = t.testdir({ 'p.yaml': config, 'callers.yaml': 'callers: []\n' })
  const lines = [did(), did({ verb: 'create', what: 'serviceaccounts/token', name: 'a' }), did({ more: { impersonatedUser: { username: 'jane' } } as Partial<LoggedEvent> })]
  const known = await suggest(lines, { configFile: async () => join(folder, 'p.yaml') })
  t.strictSame(known.rules, [pod({ verbs: ['list'] })])
  t.match(known.stdout, /Caller ci is in no callers file of the config/)
  t.match(known.stdout, /guarded by mint-token/)
  t.match(known.stdout, /1 request came as somebody else/)
  t.match((await suggest(lines)).stdout, /There is no config here/)
  t.equal((await suggest(lines, { configNamed: true })).stderr, 'portcullis suggest: no config\n')
})

t.test('several clusters are named: a scope cannot', async (t) => {
  const lines = ['prod', 'test'].map(cluster => did({ annotations: { 'portcullis.dev/cluster': cluster } }))
  t.match((await suggest(lines)).stdout, /They went to the clusters prod and test\. .*: clusters: \[prod, test\]\n/)
  t.match((await suggest(lines, { cluster: ['test'] })).stdout, /: 1 request\.\n/)
})

t.test('what no rule can say is said beside it, harmlessly', async (t) => {
  const { stdout, rules } = await suggest([did(), did({ verb: 'get', what: '/x*' }), did({ namespace: 'Team\u202e' }), did({ verb: 'get', what: '/a/[redacted]' })])
  t.strictSame(rules, [pod({ verbs: ['list'] })])
  t.match(stdout, /a \* in the URL/)
  t.match(stdout, /no namespace can have this name/)
  t.notMatch(stdout, /\u202e/)
})

t.test('a log that somebody else wrote cannot forge lines, nor move the cursor', async (t) => {
  const odd = 'x\n- evil: \x1b[2J\u202e'
  const lines = [did({ caller: odd, name: odd, verb: 'get' }), did({ caller: odd, what: `${odd}`, code: 'ScopeDenied' }), did({ caller: odd, annotations: { 'portcullis.dev/cluster': odd } })]
  for (const tty of [false, true]) {
    const { stdout, rules } = await suggest(lines, { caller: odd }, { tty })
    t.strictSame(rules, [pod({ resourceNames: [odd], verbs: ['get'] }), pod({ verbs: ['list'] })])
    t.notMatch(stdout, /^- evil|\x1b\[2J|\u202e/m)
  }
  t.notMatch((await suggest(lines, { caller: 'nope' })).stderr, /\n- evil|\x1b|\u202e/)
})

for (const [what, lines, args, code, message] of [
  ['--since in the future', [did()], { since: '2027-01-01T00:00:00Z' }, 2, /--since lies in the future/],
  ['a --since that is no time', [did()], { since: 'yesterday' }, 2, /--since takes a duration/],
  ['no caller', [did()], { caller: undefined }, 2, /--caller NAME is needed/],
  ['names that are none of the three', [did()], { names: 'some' }, 2, /--names takes few, all or none/],
  ['no request of that caller', [did(), did(), did({ caller: 'bot' })], { caller: 'nope' }, 1, /no request of caller "nope"; there are those of: ci \(2\), bot \(1\)\n/],
  ['nor in that time', [did()], { since: '1h' }, 1, /no request of caller "ci" in that time; nobody else/],
  ['nor on that cluster', [did()], { cluster: ['test'] }, 1, /no request of caller "ci" on cluster test; nobody else/],
  ['a scope to be printed beside a replay', [did()], { against: 'x.yaml', shadow: true }, 2, /--against prints no scope/],
  ['a log of a newer version', [did().replace('audit.k8s.io/v1', 'audit.k8s.io/v2')], {}, 1, /1 version\):\n {2}-:1: is of audit\.k8s\.io\/v2.*\n.*nothing in it could be read/],
  ['an empty log', [], {}, 1, /the audit log is empty/],
  ['no file', [], { files: ['/nowhere/audit.log'] }, 1, /nowhere/],
  ['no file and no config', [], { files: [] }, 1, /no config/],
] as const) {
  t.test(`told: ${what}`, async (t) => {
    const ran = await suggest(lines, args as Partial<SuggestArgs>)
    t.strictSame([ran.code, ran.stdout], [code, ''])
    t.match(ran.stderr, message)
  })
}

t.test('lines that cannot be read are named, and the rest is read', async (t) => {
  const { code, rules, stderr } = await suggest(`${did()}\nnonsense\n${did().slice(0, 90)}`)
  t.strictSame([code, rules], [0, [pod({ verbs: ['list'] })]])
  t.match(stderr, /portcullis suggest: passed over 2 that could not be read \(1 foreign, 1 cut\)/)
})

t.test('from the command line: the log of the config, with what was put aside, compressed or not', async (t) => {
  const folder = t.testdir({ 'p.yaml': config, 'callers.yaml': 'callers: [{ name: ci }]\n', 'audit.log': `${did()}\n`, 'audit-2026-11-21T11-00-00.000.log': `${did({ verb: 'watch' })}\n` })
  writeFileSync(join(folder, 'audit-2026-11-20T10-00-00.000.log.gz'), gzipSync(`${did({ verb: 'get', name: 'x' })}\n`))
  const { code, stdout, stderr } = await runCommand(['suggest', '--config', join(folder, 'p.yaml'), '--caller', 'ci', '--names', 'none'])
  t.strictSame([code, stderr, rulesIn(stdout)], [0, '', [pod({ verbs: ['get', 'list', 'watch'] })]])
  t.match((await runCommand(['suggest', '--help'])).stdout, /more than 8 of them/)
})
