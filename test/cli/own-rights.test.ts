import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { chmod, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { checkCommand } from '../../src/cli/check.ts'
import { askOwnRights, type AskOptions } from '../../src/cli/own-rights.ts'
import { rbacCommand } from '../../src/cli/rbac.ts'
import { requireStored } from '../../src/cli/stored-callers.ts'
import { requireConfig } from '../../src/config/load.ts'
import type { PolicyRule } from '../../src/rbac/permission.ts'
import { jwt } from '../credentials/tokens.ts'
import { makeAuthority } from '../support/certificates.ts'
import { ear } from '../support/command.ts'
import { startUpstream, type Upstream } from '../support/recording-upstream.ts'
import { kubeconfigOf } from '../support/kubeconfigs.ts'
import { startSample } from '../support/sample.ts'
import { removeLater } from '../support/scope.ts'
import { typed } from '../support/typed.ts'
import { boundRoles } from './rbac-matcher.ts'

const reading = { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] }
const callers = { callers: [{ name: 'ci', rules: [{ ...reading, namespaces: ['team-a'] }] }] }

interface Given {
  readonly server: string
  readonly ca: string
  readonly callers?: object
  readonly credential?: object
  readonly files?: Readonly<Record<string, string>>
  readonly token?: string
}

async function write(t: Test, { server, ca, credential = { tokenEnv: 'T' }, files = {}, ...given }: Given): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-rights-'))
  removeLater(t, folder)
  const all = {
    ...files, 'ca.crt': ca, 'callers.yaml': stringify(given.callers ?? callers),
    'p.yaml': stringify({ listen: { insecure: true }, clusters: [{ name: 'prod', server, caFile: 'ca.crt', credential, openshift: false }] }),
  }
  for (const [name, text] of Object.entries(all)) await writeFile(join(folder, name), text, { mode: 0o600 })
  return join(folder, 'p.yaml')
}

async function ask(t: Test, given: Given, within = 20_000, more: Partial<AskOptions> = {}) {
  const file = await write(t, given)
  const { config } = await requireConfig(file)
  const loaded = await requireStored(config, { env: {}, now: 0 })
  return askOwnRights(config.clusters[0]!, config, loaded.callers, { env: { T: given.token ?? 'x' }, allowLoose: false, now: Date.now, within, ...more })
}

interface Rights { readonly resourceRules?: readonly PolicyRule[], readonly nonResourceRules?: readonly PolicyRule[] }

/** What a SelfSubjectRulesReview answers, by namespace; which were asked is kept. */
async function startApi(t: Test, rights: (namespace: string) => Rights): Promise<{ upstream: Upstream, asked: string[] }> {
  const upstream = await startUpstream(t)
  const asked: string[] = []
  upstream.answer(async (request) => {
    const { spec } = JSON.parse((await request.body).start.toString()) as { spec: { namespace: string } }
    asked.push(spec.namespace)
    const status = { resourceRules: [], nonResourceRules: [], incomplete: false, ...rights(spec.namespace) }
    return { status: 201, headers: ['Content-Type', 'application/json'], body: JSON.stringify({ kind: 'SelfSubjectRulesReview', status }) }
  })
  return { upstream, asked }
}

const given = ({ url, ca }: Upstream) => ({ server: url, ca })
const needed = { resourceRules: [reading] }

t.test('an account that may do what the scopes need, and what everybody may, may do no more', async (t) => {
  const { upstream, asked } = await startApi(t, namespace => ({
    resourceRules: [
      ...namespace === 'team-a' ? [reading] : [],
      { verbs: ['create'], apiGroups: ['authorization.k8s.io'], resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'] },
      { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] },
      { verbs: ['list', 'watch'], apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'] },
      { verbs: ['get'], apiGroups: ['', 'user.openshift.io'], resources: ['users'], resourceNames: ['~'] },
    ],
    nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/api', '/api/*', '/apis', '/apis/*', '/healthz', '/livez', '/openapi', '/openapi/*', '/readyz', '/version', '/version/'] }],
  }))
  t.strictSame(await ask(t, given(upstream)), { asked: true, beyond: undefined })
  t.strictSame(asked.sort(), ['default', 'team-a'])
  t.strictSame(upstream.faults, [])
})

t.test('what it may do beyond that is named, the widest first', async (t) => {
  const secrets = { apiGroups: [''], resources: ['secrets'], verbs: ['get'] }
  const rows: [string, (namespace: string) => Rights, string][] = [
    ['everything', () => ({ resourceRules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }], nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }] }),
      '* * in team-a, default (cluster-admin?); * every path'],
    ['more in one namespace', namespace => ({ resourceRules: [reading, ...namespace === 'team-a' ? [{ ...secrets, verbs: ['get', 'delete'] }] : []] }),
      'delete,get secrets in team-a; get,list,watch pods in default'],
    ['everything of one kind', namespace => namespace === 'default' ? {} : { resourceRules: [{ ...reading, verbs: ['*'] }] }, '* pods in team-a'],
    ['the same everywhere', () => ({ resourceRules: [secrets, reading] }), 'get secrets in team-a, default; get,list,watch pods in default'],
    ['another group, and one name', namespace => namespace === 'default' ? {} : { resourceRules: [{ apiGroups: ['apps'], resources: ['deployments'], resourceNames: ['web'], verbs: ['update'] }] },
      'update deployments of apps named web in team-a'],
    ['a path', () => ({ ...needed, nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/metrics'] }] }), 'get /metrics; get,list,watch pods in default'],
    ['very much', namespace => namespace === 'default' ? {} : {
      resourceRules: ['a', 'b', 'c', 'd', 'e', 'f'].map((resource, index) => ({ apiGroups: [resource], resources: [resource], verbs: ['get', 'list', 'delete'].slice(0, 1 + index % 3) })),
    }, 'delete,get,list c of c in team-a; delete,get,list f of f in team-a; get a of a in team-a; get d of d in team-a; and 2 more'],
  ]
  for (const [name, rights, expected] of rows) {
    const { upstream } = await startApi(t, rights)
    t.strictSame(await ask(t, given(upstream)), { asked: true, beyond: expected }, name)
  }
})

t.test('an account with the roles that rbac prints has nothing beyond', async (t) => {
  const wide = { callers: [
    { name: 'a', rules: [{ ...reading, namespaces: ['team-a', 'team-b-*'] }, { apiGroups: [''], resources: ['pods/exec'], verbs: ['create'], namespaces: ['c'] }, { nonResourceURLs: ['/metrics'], verbs: ['get'] }] },
    { name: 'b', rules: [], impersonate: { user: 'tool:b', groups: ['tools'] } },
  ] }
  const file = await write(t, { server: 'https://x', ca: '', callers: wide })
  const stdout = ear()
  t.equal(await rbacCommand({ configFile: file }, { stdout, stderr: ear(), env: { T: 'x' } }), 0)
  const roles = boundRoles(stdout.text)
  const { upstream, asked } = await startApi(t, (namespace) => {
    const rules = roles.filter(role => role.namespace === undefined || role.namespace === namespace).flatMap(({ rules }) => rules)
    return { resourceRules: rules.filter(({ resources }) => resources !== undefined), nonResourceRules: rules.filter(({ nonResourceURLs }) => nonResourceURLs !== undefined) }
  })
  t.strictSame(await ask(t, { ...given(upstream), callers: wide }), { asked: true, beyond: undefined })
  t.strictSame(asked.sort(), ['c', 'default', 'team-a'])
})

t.test('ten namespaces are asked at most', async (t) => {
  const { upstream, asked } = await startApi(t, () => ({}))
  const namespaces = Array.from({ length: 30 }, (_, index) => `n${String(index).padStart(2, '0')}`)
  await ask(t, { ...given(upstream), callers: { callers: [{ name: 'ci', rules: [{ ...reading, namespaces }] }] } })
  t.strictSame(asked.sort(), ['default', ...namespaces.slice(0, 9)])
})

t.test('a cluster that cannot be asked, or does not tell, is no more than a reason', async (t) => {
  const unwilling = await startUpstream(t)
  unwilling.answer(() => ({ status: 403, body: '{}' }))
  const silent = await startUpstream(t)
  silent.answer(() => 'hold')
  const strange = await startUpstream(t)
  const kubeconfig = JSON.stringify({
    'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'x', 'clusters': [{ name: 'x', cluster: { server: 'https://x' } }],
    'contexts': [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
    'users': [{ name: 'x', user: { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'false', interactiveMode: 'Never' } } }],
  })
  const rows: [Given, RegExp, number?][] = [
    [given(unwilling), /^the API server does not tell$/],
    [given(strange), /^the API server does not tell$/],
    [given(silent), /^there was no answer within 0.2 s$/, 200],
    [{ server: 'https://127.0.0.1:1', ca: unwilling.ca }, /^the API server could not be reached \(.*ECONNREFUSED/],
    [{ ...given(strange), credential: { tokenEnv: 'NONE' } }, /^the environment variable NONE is not set$/],
    [{ ...given(strange), credential: { exec: { command: 'false' } } }, /^its credential \(exec\) would first have to be obtained$/],
    [{ ...given(strange), credential: { tokenRequest: { bootstrap: { exec: { command: 'false' } } } } }, /^its credential \(exec\) would first/],
    [{ ...given(strange), credential: { kubeconfig: { file: 'k' } }, files: { k: kubeconfig } }, /^its credential \(a plugin of the kubeconfig\) would first/, 120_000],
    [{ ...given(strange), credential: { oauthSession: { username: { fromEnv: 'U' }, password: { fromEnv: 'P' } } } }, /^its credential \(oauthSession\) would first/],
  ]
  for (const [one, why, within] of rows) t.match(await ask(t, one, within), { asked: false, why }, String(why))
})

t.test('where no name server answers, nothing is looked up that the process would have to wait for', async (t) => {
  const silent = createSocket('udp4').bind(0, '127.0.0.1')
  t.teardown(() => silent.close())
  await once(silent, 'listening')
  const answer = await ask(t, { server: 'https://api.prod.example', ca: makeAuthority().ca }, 2000, { nameServers: [`127.0.0.1:${silent.address().port}`] })
  t.match(answer, { asked: false, why: /^no name server told within 1.2 s where api.prod.example is$/, unfit: false })
  const empty = await ask(t, { server: 'https://api.prod.example', ca: makeAuthority().ca, credential: { tokenFile: 'token' }, files: { token: '' } }, 2000, { nameServers: [`127.0.0.1:${silent.address().port}`] })
  t.match(empty, { asked: false, why: /token is empty$/, unfit: true }, 'a broken credential is found all the same')
})

t.test('check warns of it at the credential, with the way out; with tokens that it mints, too', async (t) => {
  const { sample, ca, token, call } = await startSample(t)
  await call('POST', '/api/v1/namespaces/team-a/serviceaccounts', { body: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'proxy' } } })
  const credentials = [{ tokenEnv: 'T' }, { tokenRequest: { bootstrap: { tokenEnv: 'T' }, serviceAccount: { namespace: 'team-a', name: 'proxy' } } }]
  for (const credential of credentials) {
    const file = await write(t, { server: sample.url, ca, credential })
    const stdout = ear()
    t.equal(await checkCommand({ configFile: file }, { stdout, env: { T: token }, now: Date.now, askWithin: 60_000 }), 0)
    t.match(stdout.text, /p\.yaml:\d+:\d+ clusters\[0\]\.credential: warning: cluster prod: our account may also: \* \* in team-a, default \(cluster-admin\?\); \* every path; no scope needs that: portcullis rbac --cluster prod prints what is needed\n/)
    t.notMatch(stdout.text, token)
    t.equal(await checkCommand({ configFile: file, strict: true }, { stdout: ear(), env: { T: token }, now: Date.now, askWithin: 60_000 }), 1)
  }
})

t.test('a token that everybody may read is not used to ask', async (t) => {
  const { upstream } = await startApi(t, () => ({}))
  const file = await write(t, { ...given(upstream), credential: { tokenFile: 'token' }, files: { token: 'x' } })
  await chmod(join(file, '../token'), 0o644)
  const stdout = ear()
  await checkCommand({ configFile: file }, { stdout, env: {}, now: Date.now, askWithin: 60_000 })
  t.match(stdout.text, /^cluster prod was not asked what our account may do: .*open to every user/m)
  t.equal(upstream.bytes, 0)
})

t.test('unless that is allowed, as serve would allow it: then it is a warning all the same', async (t) => {
  const { upstream, asked } = await startApi(t, () => needed)
  const credentials: [object, Record<string, string>][] = [
    [{ tokenFile: 'token' }, { token: 'x' }],
    [{ kubeconfig: { file: 'token' } }, { token: kubeconfigOf({ user: { token: 'x' } }) }],
  ]
  for (const [credential, files] of credentials) {
    const file = await write(t, { ...given(upstream), credential, files })
    await chmod(join(file, '../token'), 0o644)
    const { code, stdout } = await typed(['check', '--config', file, '--allow-loose-permissions'])
    t.equal(code, 0)
    t.match(stdout, /warning: the file .*--allow-loose-permissions reads it all the same$/m)
    t.notMatch(stdout, /was not asked/)
  }
  t.equal(asked.length, 4)
})

t.test('a credential that serve would refuse, that is over, or that the cluster rejects is a warning at its place', async (t) => {
  const { sample, ca } = await startSample(t)
  const [mine, other] = [makeAuthority().issue(), makeAuthority().issue()]
  const encrypted = '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n'
  const pair = { clientCertificate: { certFile: 'a.crt', keyFile: 'a.key' } }
  const over = jwt({ exp: 1_700_000_000 })
  const nobody = 'https://127.0.0.1:1'
  const rows: [Partial<Given>, string][] = [
    [{ credential: { tokenFile: 'token' }, files: { token: '' }, server: nobody }, 'the token file .*token is empty'],
    [{ credential: { tokenRequest: { bootstrap: { tokenFile: 'token' } } }, files: { token: '' }, server: nobody }, 'the token file .*token is empty'],
    [{ credential: pair, files: { 'a.crt': mine.cert, 'a.key': other.key }, server: nobody }, '.*the private key is not that of the certificate'],
    [{ credential: pair, files: { 'a.crt': mine.cert, 'a.key': encrypted }, server: nobody }, '.*the private key is encrypted'],
    [{ token: 'one two', server: nobody }, '.*T holds more than one token'],
    [{ token: over, server: nobody }, 'it expired at 2023-11-14T22:13:20.000Z'],
    [{ token: 'sha256~wrong' }, 'the API server of cluster "prod" rejected the credential of Portcullis itself \\(tokenEnv: '],
    [{ token: 'sha256~wrong', credential: { tokenRequest: { bootstrap: { tokenEnv: 'T' }, serviceAccount: { namespace: 'a', name: 'b' } } } }, 'the API server of cluster "prod" rejected the credential'],
  ]
  for (const [row, why] of rows) {
    const { token = 'x', ...one } = row
    const file = await write(t, { server: sample.url, ca, ...one })
    const run = async (strict: boolean) => {
      const stdout = ear()
      return { code: await checkCommand({ configFile: file, strict }, { stdout, env: { T: token }, now: Date.now, askWithin: 60_000 }), text: stdout.text }
    }
    t.match(await run(false), { code: 0, text: new RegExp(`p\\.yaml:\\d+:\\d+ clusters\\[0\\]\\.credential: warning: cluster prod: its credential cannot be used: ${why}`) })
    t.match(await run(true), { code: 1 }, why)
  }
})

t.test('what is warned of already at a field of the credential is not warned of twice', async (t) => {
  const { upstream } = await startApi(t, () => ({}))
  for (const credential of [{ tokenFile: 'gone' }, { tokenEnv: 'NONE' }]) {
    const stdout = ear()
    await checkCommand({ configFile: await write(t, { ...given(upstream), credential }) }, { stdout, env: {}, now: Date.now, askWithin: 60_000 })
    t.notMatch(stdout.text, 'cannot be used')
    t.match(stdout.text, /^cluster prod was not asked what our account may do: /m)
  }
})
