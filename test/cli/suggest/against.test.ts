import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import type { LoggedEvent } from '../../../src/audit-log/event.ts'
import { suggestCommand, type SuggestArgs } from '../../../src/cli/suggest/suggest.ts'
import { loggedLine } from '../../support/audit-lines.ts'
import { ear } from '../../support/command.ts'

let number = 0
const event = (overrides: Partial<LoggedEvent> & { caller?: string, forbid?: string, more?: Record<string, string> } = {}) => {
  const { caller = 'ci', forbid, more = {}, ...rest } = overrides
  return loggedLine({
    auditID: `id-${number++}`, user: { username: caller },
    annotations: { 'authorization.k8s.io/decision': forbid === undefined ? 'allow' : 'forbid', 'portcullis.dev/cluster': 'prod', ...forbid === undefined ? {} : { 'portcullis.dev/code': forbid }, ...more },
    ...rest,
  })
}
const object = (verb: string, resource: string, more: object = {}) => ({ verb, objectRef: { resource, namespace: 'team-a', ...more } })

const config = `listen: { insecure: true }
clusters: [{ name: prod, server: "https://x", credential: { tokenEnv: T } }]
`
const rule = (verbs: string, rest = '') => `{ apiGroups: [""], resources: [pods, serviceaccounts/token], verbs: [${verbs}], namespaces: [team-a]${rest} }`
const today = `callers: [{ name: ci, rules: [${rule('"*"', ', acknowledge: [mint-token, run-as-us]')}] }, { name: bot, rules: [${rule('list')}] }]\n`

async function against(proposed: string, lines: readonly string[], args: Partial<SuggestArgs> = {}) {
  const folder = t.testdir({ 'p.yaml': config, 'callers.yaml': today, 'next': { 'callers.yaml': proposed } })
  const [stdout, stderr] = [ear(), ear()]
  const code = await suggestCommand({ files: ['-'], configNamed: true, configFile: async () => join(folder, 'p.yaml'), against: join(folder, 'next'), ...args }, {
    stdin: Readable.from([lines.map(line => `${line}\n`).join('')]), stdout, stderr, env: {}, now: () => Date.parse('2026-11-22T10:00:00Z'),
  })
  return { code, stdout: stdout.text.replaceAll(`${folder}/`, ''), stderr: stderr.text }
}

t.test('what was allowed and would be denied is named, with how often and what the nearest rule lacks; the exit code is 1', async (t) => {
  const lines = [event(), event(), event(object('delete', 'pods', { name: 'x' })), event({ caller: 'bot' })]
  const { code, stdout } = await against(`callers: [{ name: ci, rules: [${rule('delete')}] }]`, lines)
  t.equal(code, 1)
  t.match(stdout, /^CALLER +VERB +WHAT +NAMESPACE +REQUESTS +WAS +WOULD BE +WHY\nbot +list +pods +team-a +1 +allow +deny +no such caller\nci +list +pods +team-a +2 +allow +deny +nearest rule \(own rule: delete [^)]*\) lacks verb list\n\n/)
  t.match(stdout, /next: of 4 requests 3 that were allowed would be denied, none that were denied would be allowed\n$/)
})

t.test('what was denied and would be allowed is named too, and is no "no"', async (t) => {
  const { code, stdout } = await against(`callers: [{ name: ci, rules: [${rule('list, get')}] }]`, [event(), event({ ...object('get', 'pods', { name: 'x' }), forbid: 'ScopeDenied' })])
  t.equal(code, 0)
  t.match(stdout, /ci +get +pods +team-a +1 +deny +allow +allowed by own rule/)
  t.match(stdout, /none that were allowed would be denied, 1 that was denied would be allowed/)
})

t.test('nothing changed: a line, and 0; of one caller alone; as JSON', async (t) => {
  const proposed = `callers: [{ name: ci, rules: [${rule('list')}] }]`
  const lines = [event(), event({ caller: 'bot' })]
  t.strictSame(await against(proposed, lines, { caller: 'ci' }), { code: 0, stdout: 'next: of 1 requests none that were allowed would be denied, none that were denied would be allowed\n', stderr: '' })
  const { code, stdout } = await against(proposed, lines, { json: true })
  t.equal(code, 1)
  t.strictSame(JSON.parse(stdout), { requests: 2, changes: [{ caller: 'bot', verb: 'list', resource: 'pods', namespace: 'team-a', was: 'allow', would: 'deny', why: 'no such caller', requests: 1 }] })
})

t.test('clusters, sources, shadow scopes, upgrades and applies count as they will', async (t) => {
  const list = `{ name: ci, rules: [${rule('list')}]`
  t.match((await against(`callers: [${list}, clusters: [] }]`, [event()])).stdout, /not on cluster prod: its clusters/)
  t.match((await against(`callers: [${list}, allowedFrom: [192.168.0.0/16] }]`, [event()])).stdout, /not from 10\.0\.0\.7: its allowedFrom/)
  t.equal((await against(`scopes: [{ name: s, mode: shadow, rules: [${rule('"*"')}] }]\ncallers: [{ name: ci, scopes: [s] }]`, [event()])).code, 1, 'a shadow scope grants nothing')
  const apply = event({ ...object('patch', 'pods', { name: 'x' }), more: { 'portcullis.dev/request-form': 'apply' } })
  t.match((await against(`callers: [{ name: ci, rules: [${rule('patch')}] }]`, [apply])).stdout, /lacks verb create/)
  t.equal((await against(`callers: [{ name: ci, rules: [${rule('patch, create')}] }]`, [apply])).code, 0)
  const create = event({ ...object('create', 'pods', { name: 'x' }), requestURI: '/api/v1/namespaces/team-a/pods' })
  t.equal((await against(`callers: [{ name: ci, rules: [${rule('create', ', resourceNames: [x]')}] }]`, [create])).code, 1, 'a name in the body is none that is judged')
})

t.test('an acknowledge that goes is a denial, also where the guard knew more of the cluster than can be told from here', async (t) => {
  const mint = event(object('create', 'serviceaccounts', { name: 'x', subresource: 'token' }))
  t.match((await against(`callers: [{ name: ci, rules: [${rule('create')}] }]`, [mint])).stdout, /guarded by route mint-token/)
  const run = event({ ...object('create', 'pods'), more: { 'portcullis.dev/guard-routes': 'run-as-us' } })
  t.match((await against(`callers: [{ name: ci, rules: [${rule('create')}] }]`, [run])).stdout, /guarded by run-as-us, which no rule that allows it acknowledges/)
  t.equal((await against(`callers: [{ name: ci, rules: [${rule('create', ', acknowledge: [run-as-us]')}] }]`, [run])).code, 0)
  const refused = event({ ...object('create', 'pods'), forbid: 'EscalationDenied', more: { 'portcullis.dev/guard-routes': 'run-as-us' } })
  t.match((await against(`callers: [{ name: ci, rules: [${rule('create')}] }]`, [refused])).stdout, /none that were denied would be allowed/)
})

t.test('who impersonates by its entry needs no rule for it', async (t) => {
  const as = event({ impersonatedUser: { username: 'tool:ci' } } as Partial<LoggedEvent>)
  t.equal((await against(`callers: [{ name: ci, rules: [${rule('list')}], impersonate: { user: "tool:ci" } }]`, [as])).code, 0)
  t.match((await against(`callers: [{ name: ci, rules: [${rule('list')}] }]`, [as])).stdout, /impersonate/)
})

t.test('a bad file, an empty one, and a caller that is not there are told', async (t) => {
  t.match(await against('callers: [{ nome: ci }]', [event()]), { code: 1, stdout: '', stderr: /portcullis suggest: .*callers\.yaml:1:/ })
  t.match(await against(`scopes: [{ name: next, rules: [${rule('list')}] }]`, [event()]), { code: 2, stdout: '', stderr: /next has scopes and no callers, .*: name the folder that has the callers too, or add the caller's entry/ })
  t.match(await against('callers: []', [event()], { caller: 'nope' }), { code: 1, stderr: /no request of caller "nope"; there are those of: ci/ })
})
