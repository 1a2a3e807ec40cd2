import { spawn, type ChildProcess } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { access, mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { makeAuthority } from './certificates.ts'
import { removeLater, type Scope } from './scope.ts'
import { until } from './until.ts'

/** A real API server, with etcd behind it and nothing else: no controllers, no nodes. */
export interface ApiServer {
  /** `https://localhost:<port>`. */
  readonly url: string
  /** PEM. */
  readonly ca: string
  /** Of a user of `system:masters`. */
  readonly adminToken: string
  /** Of the service account portcullis/portcullis, which has what RBAC gives it. */
  readonly proxyToken: string
}

/** Where `setup-envtest use -p path` has put etcd and kube-apiserver. */
export const assets = process.env['KUBEBUILDER_ASSETS']

/** Why there is none to be had; undefined: there is. */
export async function whyNoApiServer(): Promise<string | undefined> {
  if (assets === undefined || assets === '') return 'KUBEBUILDER_ASSETS names no folder with etcd and kube-apiserver (setup-envtest use -p path prints one)'
  for (const name of ['etcd', 'kube-apiserver']) {
    if (!await access(join(assets, name)).then(() => true, () => false)) return `${assets} of KUBEBUILDER_ASSETS has no ${name}`
  }
  return undefined
}

/** Starts both on loopback, as controller-runtime's envtest does (pkg/internal/testing/controlplane), and ends them with the test. */
export async function startApiServer(t: Scope, moreFlags: readonly string[] = []): Promise<ApiServer> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-envtest-'))
  removeLater(t, folder)
  const [clientPort, peerPort, port] = [await freePort(), await freePort(), await freePort()]
  const etcd = `http://127.0.0.1:${clientPort}`
  const etcdProcess = run(t, 'etcd', [
    `--listen-client-urls=${etcd}`, `--advertise-client-urls=${etcd}`, `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
    `--data-dir=${join(folder, 'etcd')}`, '--unsafe-no-fsync=true',
  ])
  await answers(etcdProcess, async () => (await request(`${etcd}/health`)).statusCode === 200)
  const { ca, flags, adminToken, proxyToken } = await writeMaterial(folder)
  const apiServer = run(t, 'kube-apiserver', [
    ...flags, `--etcd-servers=${etcd}`, `--secure-port=${port}`, '--bind-address=127.0.0.1', '--advertise-address=127.0.0.1',
    '--service-cluster-ip-range=10.0.0.0/24', '--allow-privileged=true', '--authorization-mode=RBAC', '--disable-admission-plugins=ServiceAccount',
    `--service-account-issuer=https://127.0.0.1:${port}/`, ...moreFlags,
  ])
  const url = `https://localhost:${port}`
  const agent = new Agent({ connect: { ca } })
  t.teardown(() => agent.destroy())
  await answers(apiServer, async () => {
    const { statusCode, body } = await request(`${url}/readyz`, { dispatcher: agent, headers: { authorization: `Bearer ${adminToken}` } })
    await body.dump()
    return statusCode === 200
  })
  return { url, ca, adminToken, proxyToken }
}

/** Keys, certificates and tokens, and the flags that name them. */
async function writeMaterial(folder: string) {
  const authority = makeAuthority('envtest authority')
  const issued = authority.issue()
  const signer = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const [adminToken, proxyToken] = ['envtest-admin-token', 'envtest-proxy-token']
  const account = 'system:serviceaccount:portcullis:portcullis'
  const files: Readonly<Record<string, string>> = {
    'ca.crt': authority.ca, 'apiserver.crt': issued.cert, 'apiserver.key': issued.key,
    'sa-signer.key': String(signer.privateKey.export({ type: 'pkcs1', format: 'pem' })),
    'sa-signer.pub': String(signer.publicKey.export({ type: 'spki', format: 'pem' })),
    'tokens.csv': `${adminToken},admin,1,"system:masters"\n${proxyToken},${account},2,"system:serviceaccounts,system:serviceaccounts:portcullis"\n`,
  }
  const certs = join(folder, 'certs')
  await mkdir(certs)
  const path = (name: string) => join(certs, name)
  for (const [name, text] of Object.entries(files)) await writeFile(path(name), text, { mode: 0o600 })
  const flags = [
    `--cert-dir=${certs}`, `--tls-cert-file=${path('apiserver.crt')}`, `--tls-private-key-file=${path('apiserver.key')}`, `--client-ca-file=${path('ca.crt')}`,
    `--service-account-key-file=${path('sa-signer.pub')}`, `--service-account-signing-key-file=${path('sa-signer.key')}`, `--token-auth-file=${path('tokens.csv')}`,
  ]
  return { ca: authority.ca, flags, adminToken, proxyToken }
}

interface Running {
  readonly child: ChildProcess
  /** The last that it said, for when it ends by itself. */
  readonly said: () => string
}

function run(t: Scope, name: string, args: readonly string[]): Running {
  const child = spawn(join(assets ?? '', name), args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => { said = (said + chunk.toString()).slice(-4000) })
  // The last one started is the first one ended: an API server without its etcd would only complain.
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
    await ended
    clearTimeout(timer)
  })
  return { child, said: () => said }
}

async function answers({ child, said }: Running, ask: () => Promise<boolean>): Promise<void> {
  await until(async () => {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${child.spawnfile} ended: ${said()}`)
    return ask().catch(() => false)
  })
}

/** One that nobody listens on at the moment, on loopback. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
