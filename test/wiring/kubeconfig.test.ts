// The whole of it: a config that names a kubeconfig and nothing else, real TLS, and the kubeconfig changed under way.
import { mkdtemp, rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { build } from '../../src/build.ts'
import { HeldSecrets } from '../../src/credentials/held-secrets.ts'
import { requireConfig } from '../../src/config/load.ts'
import { createLog } from '../../src/log/log.ts'
import { redactSecrets } from '../../src/redaction/redact.ts'
import { callerEntry } from '../support/attack-target.ts'
import { makeAuthority } from '../support/certificates.ts'
import { base64, kubeconfigOf } from '../support/kubeconfigs.ts'
import { keyFor } from '../support/keys.ts'
import { MemoryLog } from '../support/memory-log.ts'
import { startProxy } from '../support/proxy.ts'
import { connectRaw } from '../support/raw-client.ts'
import { startUpstream, type RecordedRequest, type Upstream } from '../support/recording-upstream.ts'
import { removeLater } from '../support/scope.ts'

const caller = keyFor('caller00')
const people = makeAuthority('people')
const [jane, john] = ['jane', 'john'].map(commonName => people.issue({ commonName })) as [ReturnType<typeof people.issue>, ReturnType<typeof people.issue>]
const target = '/api/v1/namespaces/a/pods'
const watched = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'

interface Started {
  readonly log: MemoryLog
  /** Replaces the kubeconfig. */
  write(upstream: Upstream, user: object, cluster?: object): Promise<void>
  get(): Promise<number>
  /** What it was answered last. */
  readonly told: string
}

async function start(t: Test, upstream: Upstream, user: object, { cluster = {}, context }: { readonly cluster?: object, readonly context?: string } = {}): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-kubeconfig-'))
  removeLater(t, folder)
  const put = (name: string, text: string) => writeFile(join(folder, name), text, { mode: 0o600 })
  const write = async ({ url, ca }: Upstream, user: object, cluster: object = {}) => {
    await put('config.new', kubeconfigOf({ cluster: { 'server': url, 'certificate-authority-data': base64(ca), ...cluster }, user }))
    await rename(join(folder, 'config.new'), join(folder, 'config'))
  }
  await write(upstream, user, cluster)
  await put('callers.yaml', JSON.stringify({
    callers: [{ name: 'c', rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['*'], namespaces: ['a'] }], keys: [{ id: caller.id, sha256: caller.sha256 }] }],
  }))
  await put('portcullis.yaml', JSON.stringify({
    listen: { host: '127.0.0.1', port: 0 },
    admin: { port: 0 },
    clusters: [{ name: 'prod', openshift: false, credential: { kubeconfig: { file: 'config', ...context === undefined ? {} : { context } } } }],
    audit: { sinks: [{ file: { path: 'audit.log' } }] },
  }))
  const log = new MemoryLog()
  const { config } = await requireConfig(join(folder, 'portcullis.yaml'))
  const proxy = await build(config, { secrets: new HeldSecrets(), log: createLog({ level: 'info', redact: redactSecrets, destination: log }), env: { PATH: process.env.PATH }, nodeMetrics: false })
  t.teardown(() => proxy.close({ patience: 100 }))
  let told = ''
  const get = async () => {
    const answer = await fetch(`http://127.0.0.1:${proxy.port}${target}`, { headers: { 'X-API-Key': caller.key } })
    told = await answer.text()
    return answer.status
  }
  return { log, write, get, get told() { return told } }
}

function identity({ connection, all }: RecordedRequest): string {
  const { subject } = (connection.socket as TLSSocket).getPeerCertificate()
  return [...all('authorization'), ...subject?.CN === undefined ? [] : [`certificate ${String(subject.CN)}`]].join(' and ')
}

/** Lets in who proves itself so, and says 401 to all others. */
function letIn(upstream: Upstream, wanted: string): void {
  upstream.answer((request) => {
    if (request.target.startsWith(watched)) return 'hold'
    return identity(request) === wanted ? { status: 200, headers: ['Content-Type', 'application/json'], body: '{}' } : { status: 401 }
  })
}

/** A cluster's own watch begins when it is in force. */
async function inForce(upstream: Upstream): Promise<void> {
  while (!(await upstream.nextRequest()).target.startsWith(watched));
}

function asked(upstream: Upstream): RecordedRequest[] {
  return upstream.requests.filter(request => request.target === target)
}

const inline = ({ cert, key }: typeof jane) => ({ 'client-certificate-data': base64(cert), 'client-key-data': base64(key) })
const plugin = (token: string) => ({
  exec: {
    apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, interactiveMode: 'Never',
    args: ['-e', `console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token: '${token}' } }))`],
  },
})

for (const [what, user, wanted, renewed, then] of [
  ['token', { token: 'one' }, 'Bearer one', { token: 'two' }, 'Bearer two'],
  ['client certificate', inline(jane), 'certificate jane', inline(john), 'certificate john'],
] as const) {
  t.test(`a ${what} of a kubeconfig proves us to the server that it names, and a newer one is found after a 401`, async (t) => {
    const upstream = await startUpstream(t, what === 'token' ? {} : { clientCa: people.ca, ...ownCertificate() })
    letIn(upstream, wanted)
    const { get, write } = await start(t, upstream, user)
    t.equal(await get(), 200)
    await write(upstream, renewed)
    letIn(upstream, then)
    t.equal(await get(), 200)
    t.equal(identity(asked(upstream).at(-1)!), then)
  })
}

/** Of another authority than that of its clients. */
function ownCertificate() {
  const authority = makeAuthority()
  return { tls: authority.issue(), ca: authority.ca }
}

t.test('a plugin of a kubeconfig is asked, and its user may prove itself in another way later', async (t) => {
  const upstream = await startUpstream(t)
  letIn(upstream, 'Bearer from-the-plugin')
  const { get, write } = await start(t, upstream, plugin('from-the-plugin'))
  await inForce(upstream)
  t.equal(await get(), 200)
  letIn(upstream, 'Bearer static')
  await write(upstream, { token: 'static' })
  await inForce(upstream)
  t.equal(await get(), 200)
  t.equal(identity(asked(upstream).at(-1)!), 'Bearer static')
})

t.test('a plugin of a kubeconfig that fails is no credential, and callers are told of the kubeconfig', async (t) => {
  const upstream = await startUpstream(t)
  const failing = { ...plugin('').exec, args: ['-e', 'process.exit(1)'] }
  const started = await start(t, upstream, { exec: failing })
  t.equal(await started.get(), 502)
  t.match(started.told, 'Portcullis has no credential for this cluster at present (kubeconfig)')
})

t.test('another server in the kubeconfig is followed; a kubeconfig that turned bad changes nothing', async (t) => {
  const [before, after] = [await startUpstream(t), await startUpstream(t)]
  for (const upstream of [before, after]) letIn(upstream, 'Bearer one')
  const { get, write, log } = await start(t, before, { token: 'one' }, { context: 'main' })
  t.equal(await get(), 200)
  await write(after, { token: 'one' }, { 'insecure-skip-tls-verify': true })
  await log.says(/"level":"error".*insecure-skip-tls-verify/)
  t.equal(await get(), 200)
  t.equal(asked(before).length, 2)
  await write(after, { token: 'one' })
  await inForce(after)
  t.equal(await get(), 200)
  t.equal(asked(after).length, 1)
  t.notMatch(log.text, /"one"|Bearer one/)
})

t.test('a token of another server never goes to the one before, however long that one stays in force', async (t) => {
  const [before, after] = [await startUpstream(t), await startUpstream(t)]
  for (const upstream of [before, after]) upstream.answer(({ target }) => target.startsWith(watched) ? 'hold' : { status: 200, body: '{}' })
  const { get, write, log } = await start(t, before, { token: 'one' })
  t.equal(await get(), 200)
  await write(after, { token: 'other' }, { 'certificate-authority-data': base64('no CA') })
  await log.says(/"level":"error".*holds no CA certificate/)
  await log.says(/now names another server/)
  t.equal(await get(), 200)
  await write(after, { token: 'other' })
  await inForce(after)
  t.equal(await get(), 200)
  const tokens = (upstream: Upstream) => [...new Set(upstream.requests.flatMap(({ all }) => all('authorization')))]
  t.strictSame([tokens(before), tokens(after)], [['Bearer one'], ['Bearer other']])
})

t.test('beside a server and a CA of the config it is the user alone, and its secrets never leave', async (t) => {
  for (const [user, wanted] of [[{ token: 'kubeconfig-token-0123456789' }, 'Bearer kubeconfig-token-0123456789'], [inline(jane), 'certificate jane']] as const) {
    const upstream = await startUpstream(t, wanted.startsWith('Bearer') ? {} : { clientCa: people.ca, ...ownCertificate() })
    letIn(upstream, wanted)
    const proxy = await startProxy(t, {
      upstreams: { prod: upstream }, token: 'unused', tls: people,
      credential: { kubeconfig: { file: 'config' } }, files: { config: kubeconfigOf({ user }) },
      callers: { callers: [callerEntry('c', caller, [{ apiGroups: [''], resources: ['pods'], verbs: ['*'], namespaces: ['a'] }])] },
    })
    const client = await connectRaw(t, { port: proxy.port, ca: proxy.ca })
    client.request('GET', target, ['X-API-Key', caller.key])
    t.equal((await client.response()).status, 200)
    t.equal(identity(asked(upstream).at(-1)!), wanted)
  }
})

t.test('a kubeconfig for another authority lets nothing through', async (t) => {
  const upstream = await startUpstream(t)
  const { get } = await start(t, upstream, { token: 'one' }, { cluster: { 'certificate-authority-data': base64(people.ca) } })
  t.equal(await get(), 502)
  t.equal(upstream.bytes, 0)
})
