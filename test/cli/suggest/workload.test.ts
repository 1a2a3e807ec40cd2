// What `suggest` is for: a workload is recorded, the scope that it suggests lets it through again, and nothing beside it.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { loadCallers } from '../../../src/callers/load.ts'
import { callerEntry } from '../../support/attack-target.ts'
import { keyFor } from '../../support/keys.ts'
import { connectRaw } from '../../support/raw-client.ts'
import { runCommand } from '../../support/run-command.ts'
import { startSampleBehindProxy } from '../../support/sample-behind-proxy.ts'
import { spdyHeaders, webSocketHeaders } from '../../support/upgrades.ts'

interface Sent {
  readonly request: string
  readonly body?: unknown
  readonly type?: string
  readonly upgrade?: readonly string[]
  readonly headers?: readonly string[]
}

const inTeam = '/api/v1/namespaces/team-a'
const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: 'b' } })
const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'applied' }, spec: { selector: { matchLabels: { app: 'x' } }, template: { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'main', image: 'x' }] } } } }
const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'leader' }, spec: { holderIdentity: 'me' } }
const shell = `${inTeam}/pods/web-0/exec?command=true&container=main&stdout=true`

const workload: readonly Sent[] = [
  { request: 'GET /api' }, { request: 'GET /apis/apps/v1' }, { request: 'GET /version' }, { request: 'GET /openapi/v3' },
  { request: `GET ${inTeam}/pods` }, { request: `GET ${inTeam}/pods/web-0` }, { request: `GET ${inTeam}/pods?watch=1&timeoutSeconds=1` },
  { request: `GET ${inTeam}/pods/web-0/log?container=main` },
  { request: 'GET /api/v1/namespaces/team-b/pods' },
  { request: shell.replace(/^/, 'GET '), upgrade: webSocketHeaders('v5.channel.k8s.io') },
  { request: shell.replace(/^/, 'POST '), upgrade: spdyHeaders() },
  { request: `POST ${inTeam}/configmaps`, body: configMap('settings') },
  { request: `PUT ${inTeam}/configmaps/settings`, body: configMap('settings') },
  { request: `PATCH ${inTeam}/configmaps/settings`, body: { data: { c: 'd' } }, type: 'application/merge-patch+json' },
  { request: `PATCH /apis/apps/v1/namespaces/team-a/deployments/applied?fieldManager=kubectl&force=true`, body: deployment, type: 'application/apply-patch+yaml' },
  { request: 'PUT /apis/coordination.k8s.io/v1/namespaces/team-a/leases/leader', body: lease },
  { request: 'GET /apis/apps/v1/namespaces/team-a/deployments/applied/scale' },
  { request: 'GET /api/v1/namespaces/team-a' }, { request: 'GET /api/v1/nodes' }, { request: 'GET /apis/example.com/v1/namespaces/team-a/widgets' },
  { request: `POST ${inTeam}/serviceaccounts/default/token`, body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} } },
  { request: `DELETE ${inTeam}/configmaps/settings` },
  { request: 'GET /metrics' }, { request: 'HEAD /metrics' }, { request: 'GET /healthz/ping' },
  { request: `GET ${inTeam}/configmaps/settings`, headers: ['Impersonate-User', 'jane', 'Impersonate-Group', 'devs'] },
]

/** None of it is in the workload, and each is near to something that is. */
const mutations: readonly [string, Sent][] = [
  ['another verb', { request: `DELETE ${inTeam}/pods/web-0` }],
  ['another namespace', { request: 'GET /api/v1/namespaces/team-b/pods/web-0' }],
  ['another name', { request: `GET ${inTeam}/pods/web-1` }],
  ['another resource', { request: `GET ${inTeam}/secrets` }],
  ['another subresource', { request: `GET ${inTeam}/pods/web-0/status` }],
  ['another group', { request: 'GET /apis/metrics.k8s.io/v1beta1/namespaces/team-a/pods' }],
  ['cluster-scoped', { request: 'GET /api/v1/persistentvolumes' }],
  ['all namespaces', { request: 'GET /api/v1/pods' }],
  ['another path', { request: 'GET /healthz/etcd' }],
  ['another method on a path', { request: 'POST /metrics' }],
  ['exec by upgrade into another pod', { request: `GET ${inTeam}/pods/web-1/exec?command=true`, upgrade: webSocketHeaders('v5.channel.k8s.io') }],
  ['attach by upgrade', { request: `GET ${inTeam}/pods/web-0/attach`, upgrade: webSocketHeaders('v5.channel.k8s.io') }],
  ['exec that is no upgrade', { request: `GET ${inTeam}/pods/web-0/exec?command=true` }],
  ['the whole collection', { request: `DELETE ${inTeam}/configmaps` }],
  ['an apply to another object', { request: `PATCH /apis/apps/v1/namespaces/team-a/deployments/other?force=true`, body: deployment, type: 'application/apply-patch+yaml' }],
  ['an apply where there was a patch', { request: `PATCH ${inTeam}/configmaps/other`, body: configMap('other'), type: 'application/apply-patch+yaml' }],
  ['a create by PUT of another lease', { request: 'PUT /apis/coordination.k8s.io/v1/namespaces/team-a/leases/other', body: lease }],
  ['a token of another account', { request: `POST ${inTeam}/serviceaccounts/other/token`, body: {} }],
  ['as another user', { request: `GET ${inTeam}/pods`, headers: ['Impersonate-User', 'root'] }],
  ['as another group', { request: `GET ${inTeam}/pods`, headers: ['Impersonate-User', 'jane', 'Impersonate-Group', 'system:masters'] }],
]

const bot = keyFor('suggest0')
const everything = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'], namespaces: ['*'], acknowledge: ['mint-token', 'impersonate', 'own-credential', 'own-callers', 'grant-role'] },
  { nonResourceURLs: ['*'], verbs: ['*'], acknowledge: ['server-internals'] },
]

t.test('a workload through the sample cluster, its scope, the workload again, and what is near to it', async (t) => {
  const { proxy } = await startSampleBehindProxy(t)
  await proxy.rewriteCallers({ callers: [callerEntry('bot', bot, everything)] })
  const send = async ({ request, body, type = 'application/json', upgrade = [], headers = [] }: Sent) => {
    const [method = '', target = ''] = request.split(' ')
    const text = body === undefined ? '' : JSON.stringify(body)
    const client = await connectRaw(t, proxy)
    client.request(method, target, ['Authorization', `Bearer ${bot.key}`, ...text === '' ? [] : ['Content-Type', type, 'Content-Length', String(text.length)], ...upgrade, ...headers], text)
    const response = await client.response({ headOnly: method === 'HEAD' })
    client.close()
    const event = await proxy.event(response.all('audit-id')[0] ?? '')
    return { status: response.status, decision: event.annotations?.['authorization.k8s.io/decision'], reason: event.annotations?.['authorization.k8s.io/reason'] }
  }
  for (const sent of workload) t.match(await send(sent), { decision: 'allow' }, sent.request)

  const suggest = (...args: string[]) => runCommand(['suggest', '--config', join(proxy.folder, 'portcullis.yaml'), ...args])
  const { code, stdout, stderr } = await suggest('--caller', 'bot')
  t.strictSame([code, stderr], [0, ''], stdout)
  const suggested = join(t.testdir(), 'suggested.yaml')
  writeFileSync(suggested, `${stdout}callers: [{ name: bot, scopes: [bot-suggested], keys: [{ id: ${bot.id}, sha256: ${bot.sha256} }] }]\n`)
  const loaded = await loadCallers([suggested])
  t.strictSame([loaded.faults, loaded.warnings], [[], []], 'check has nothing against it')
  t.match(stdout, /# portcullis suggest: what caller bot was allowed, \S+ to \S+: 26 requests\.\n# 4 requests for API discovery need no rule\.\n/)
  t.match(stdout, /# -- \{ apiGroups: \["\*"\].* # own rules\n/)
  t.equal((await suggest('--caller', 'bot')).stdout, stdout, 'the same again, to the letter')

  const against = await suggest('--against', suggested)
  t.match(against.stdout, /of \d+ requests none that were allowed would be denied, none that were denied would be allowed\n$/)
  t.equal(against.code, 0, against.stdout)

  const { scopes } = parse(stdout) as { scopes: object[] }
  await proxy.rewriteCallers({ scopes, callers: [{ ...callerEntry('bot', bot, []), scopes: ['bot-suggested'] }] })
  for (const sent of workload) t.match(await send(sent), { decision: 'allow' }, `again: ${sent.request}`)
  for (const [what, sent] of mutations) t.match(await send(sent), { status: 403, decision: 'forbid' }, what)
})
