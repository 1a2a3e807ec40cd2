// A pod without a config: what lies in a folder is enough, and where it is not, the faults say what to put there.
import { chmodSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { build } from '../../src/build.ts'
import { HeldSecrets } from '../../src/credentials/held-secrets.ts'
import { checkCommand } from '../../src/cli/check.ts'
import type { Config } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createReload } from '../../src/config/reload.ts'
import { formatFault } from '../../src/files/fault.ts'
import type { watchFiles } from '../../src/files/watch.ts'
import { createLog } from '../../src/log/log.ts'
import { redactSecrets } from '../../src/redaction/redact.ts'
import { makeAuthority } from '../support/certificates.ts'
import { ear } from '../support/command.ts'
import { keyFor } from '../support/keys.ts'
import { connectRaw } from '../support/raw-client.ts'
import { startUpstream } from '../support/recording-upstream.ts'
import { removeLater } from '../support/scope.ts'
import { startServe } from '../support/serve-process.ts'

const caller = keyFor('caller00')
const callers = JSON.stringify({
  callers: [{
    name: 'ci',
    rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['list'], namespaces: ['a'] }, { apiGroups: [''], resources: ['configmaps'], verbs: ['create'], namespaces: ['*'] }],
    keys: [{ id: caller.id, sha256: caller.sha256 }],
  }],
})
const authority = makeAuthority()
const { cert, key } = authority.issue()
const hint = (folder: string) => ` (a pod without this file serves the cluster that it runs in, with callers.yaml or callers/, tls.crt and tls.key out of ${folder}: mount them there, or this file)`

async function faultsOf(folder: string): Promise<string[]> {
  const { faults } = await loadConfig(folder)
  return faults.map(formatFault).map(fault => fault.replaceAll(hint(folder), ' (hint)').replaceAll(folder, ''))
}

interface Files { readonly [name: string]: string | Files }

function folderWith(t: Test, files: Files): string {
  return `${t.testdir(files)}/`
}

t.test('the folder of a pod is a config: its own cluster, the callers and the certificate that lie there', async (t) => {
  const folder = folderWith(t, { 'callers.yaml': callers, 'tls.crt': cert, 'tls.key': key })
  const { config, faults, warnings } = await loadConfig(folder)
  t.strictSame([faults, warnings], [[], []])
  t.match(config, {
    file: `${folder}portcullis.yaml`,
    listen: { host: '0.0.0.0', port: 8443, tls: { certFile: `${folder}tls.crt`, keyFile: `${folder}tls.key`, clientCaFile: undefined } },
    clusters: [{ name: 'in-cluster', server: undefined, caFile: undefined, credential: { kind: 'inCluster' } }],
    callers: { paths: [`${folder}callers.yaml`] },
    audit: { sinks: [{ kind: 'stdout' }] },
  })
  t.equal(config?.clusters.length, 1)
})

t.test('callers may be a folder too, or both', async (t) => {
  const pathsIn = async (files: Files) => {
    const folder = folderWith(t, { 'tls.crt': cert, 'tls.key': key, ...files })
    const callers = (await loadConfig(folder)).config?.callers
    return callers?.kind === 'file' ? callers.paths.map(path => path.replace(folder, '')) : callers
  }
  t.strictSame(await pathsIn({ callers: { 'a.yaml': callers } }), ['callers'])
  t.strictSame(await pathsIn({ 'callers.yaml': callers, 'callers': {} }), ['callers.yaml', 'callers'])
})

t.test('what lacks is said all at once, with where to put it; plain HTTP is never served to all', async (t) => {
  t.strictSame(await faultsOf(folderWith(t, {})), [
    'portcullis.yaml:1:1 listen: plain HTTP is served on loopback alone: set tls: { certFile, keyFile }, or insecure: true where something in front does TLS (hint)',
    'portcullis.yaml:1:1 callers.file: there are no callers (hint)',
  ])
  t.strictSame(await faultsOf(folderWith(t, { 'tls.crt': cert, 'callers.yaml': callers })), [])
})

async function check(t: Test, files: Files, env: Readonly<Record<string, string>>, podFolder: string) {
  const folder = folderWith(t, files)
  const stdout = ear()
  const code = await checkCommand({ configFile: folder }, { stdout, env, now: Date.now, podFolder })
  const lines = stdout.text.replaceAll(hint(folder), ' (hint)').replaceAll(folder, '').trimEnd().split('\n')
  return { code, hints: lines.filter(line => line.endsWith(' (hint)')), last: lines.at(-1) }
}

t.test('check tells of half a certificate, and of a place that is no pod', async (t) => {
  const { code, hints, last } = await check(t, { 'tls.crt': cert, 'callers.yaml': callers }, {}, '/no/such/folder')
  t.equal(code, 0)
  t.strictSame(hints, [
    'portcullis.yaml:1:1 listen.tls.keyFile: warning: tls.key does not exist (hint)',
    'portcullis.yaml:1:1 clusters[0].credential.inCluster: warning: inCluster is for a process in a pod, and this is none: '
    + 'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set (hint)',
  ])
  t.match(last, /: no faults, .*; 1 caller, no scopes, 1 key$/)
  const inPod = await check(t, { 'tls.crt': cert, 'callers.yaml': callers }, { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: '9' }, '/no/such/folder')
  t.match(inPod.hints[1], /^portcullis\.yaml:1:1 clusters\[0\]\.credential\.inCluster: warning: \/no\/such\/folder\/token does not exist \(hint\)$/)
})

/** What the kubelet gives, and an API server that the environment names. */
async function pod(t: Test) {
  const upstream = await startUpstream(t)
  const folder = t.testdir({ 'ca.crt': upstream.ca, 'namespace': 'ours', 'token': 'kubelet-token' })
  chmodSync(join(folder, 'token'), 0o644)
  return { upstream, podFolder: folder, env: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(upstream.port) } }
}

async function serves(t: Test, port: number, { upstream }: Awaited<ReturnType<typeof pod>>): Promise<void> {
  const client = await connectRaw(t, { port, ca: authority.ca })
  client.request('GET', '/api/v1/namespaces/a/pods', ['X-API-Key', caller.key])
  t.equal((await client.response()).status, 200)
  t.strictSame(upstream.requests.find(({ target }) => target === '/api/v1/namespaces/a/pods')?.all('authorization'), ['Bearer kubelet-token'])
  // The pod's namespace is ours, as the kubelet says.
  client.request('POST', '/api/v1/namespaces/ours/configmaps', ['X-API-Key', caller.key], '{}')
  t.match((await client.response()).body.toString(), /EscalationDenied/)
}

const certificate = { 'tls.crt': cert, 'tls.key': key }

async function putFiles(t: Test, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-in-pod-'))
  removeLater(t, folder)
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 })
  return `${folder}/`
}

t.test('what the folder says serves the pod\'s own cluster with the token that the kubelet wrote', async (t) => {
  const around = await pod(t)
  const folder = await putFiles(t, { ...certificate, 'callers.yaml': callers })
  const { config } = await loadConfig(folder)
  const audit: Config['audit'] = { ...config!.audit, sinks: [{ kind: 'file', path: join(folder, 'audit.log'), maxSize: 1e6, keep: 1, compress: false }] }
  const free = { ...config!, listen: { ...config!.listen, host: '127.0.0.1', port: 0 }, admin: { host: '127.0.0.1', port: 0 }, audit }
  const { env, podFolder } = around
  const proxy = await build(free, { secrets: new HeldSecrets(), log: createLog({ level: 'silent', redact: redactSecrets }), env, podFolder, podNamespace: 'ours', nodeMetrics: false })
  t.teardown(() => proxy.close({ patience: 100 }))
  await serves(t, proxy.port, around)
})

t.test('serve tells its clusters where the kubelet puts things', async (t) => {
  const around = await pod(t)
  const folder = await putFiles(t, {
    ...certificate,
    'callers.yaml': callers,
    'portcullis.yaml': JSON.stringify({
      listen: { host: '127.0.0.1', port: 0, tls: { certFile: 'tls.crt', keyFile: 'tls.key' } },
      admin: { port: 0 },
      clusters: [{ name: 'own', credential: { inCluster: {} } }],
    }),
  })
  const serve = startServe(t, [join(folder, 'portcullis.yaml')], around)
  const { url } = await serve.listening
  await serves(t, Number(new URL(url).port), around)
  t.equal(await serve.stop(), 0)
})

t.test('serve, check and the others mean that folder where no file is named, in a pod alone', async (t) => {
  const cwd = t.testdir({})
  const outside = startServe(t, [], { cwd })
  t.equal(await outside.exited, 1)
  t.match(outside.stderr, /there is no config: neither \.\/portcullis\.yaml nor \/etc\/portcullis\/portcullis\.yaml exists/)
  const inside = startServe(t, [], { cwd, env: { KUBERNETES_SERVICE_HOST: '127.0.0.1' } })
  t.equal(await inside.exited, 1)
  t.match(inside.stderr, /^\/etc\/portcullis\/portcullis\.yaml:1:1 listen: plain HTTP .*tls\.key out of \/etc\/portcullis\/: mount them there/m)
  t.match(inside.stderr, /^\/etc\/portcullis\/portcullis\.yaml:1:1 callers\.file: there are no callers/m)
})

t.test('a config that appears in the folder later is the one from then on', async (t) => {
  const folder = await putFiles(t, { ...certificate, 'callers.yaml': callers })
  const { config } = await loadConfig(folder)
  const watched: string[] = []
  let changed = () => {}
  const applied = new Promise<Config>((resolve) => {
    const watch: typeof watchFiles = async (paths, onChange) => {
      watched.push(...paths)
      changed = onChange
      return { close: () => {} }
    }
    void createReload({ started: config!, apply: resolve, report: () => {}, watch }).then(async () => {
      await writeFile(join(folder, 'portcullis.yaml'), JSON.stringify({
        listen: { tls: { certFile: 'tls.crt', keyFile: 'tls.key' } }, clusters: [{ name: 'own', credential: { inCluster: {} } }],
      }))
      changed()
    })
  })
  t.equal((await applied).clusters[0]?.name, 'own')
  t.strictSame(watched, [join(folder, 'portcullis.yaml')])
})
