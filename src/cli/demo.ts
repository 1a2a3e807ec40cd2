import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, type Portcullis } from '../build.ts'
import { requireConfig } from '../config/load.ts'
import { HeldSecrets } from '../credentials/held-secrets.ts'
import { digestKey, mintKey } from '../keys/key.ts'
import { createLog } from '../log/log.ts'
import { createRedactor } from '../redaction/redact.ts'
import { makeAuthority } from '../sample/certificate.ts'
import { createSampleCluster } from '../sample/cluster.ts'
import { callersOf, configOf, kubeconfigOf } from './demo-files.ts'
import { messageOf, write, type Output } from './output.ts'
import { stopSignal } from './stop-signal.ts'

export interface DemoArgs {
  readonly port: string | undefined
}

export interface DemoDeps {
  readonly stdout: Output
  readonly stderr: Output
  readonly env: NodeJS.ProcessEnv
}

const names = ['localhost', '127.0.0.1', '::1']

/** `portcullis demo`: the proxy before an embedded sample cluster, one caller with a key, and lines to try them with. */
export async function demoCommand({ port }: DemoArgs, { stdout, stderr, env }: DemoDeps): Promise<number> {
  const wanted = port === undefined ? 8443 : Number(port)
  if (!Number.isInteger(wanted) || wanted < 0 || wanted > 65_535) {
    await write(stderr, 'portcullis demo: --port takes a number from 0 to 65535\n')
    return 2
  }
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-demo-'))
  try {
    await run(folder, wanted, port === undefined, { stdout, env })
    return 0
  } catch (error) {
    await write(stderr, `portcullis demo: ${messageOf(error)}\n`)
    return 1
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function run(folder: string, port: number, mayMove: boolean, { stdout, env }: Pick<DemoDeps, 'stdout' | 'env'>): Promise<void> {
  const token = serviceAccountToken()
  const authority = makeAuthority({ days: 30 })
  const sample = await createSampleCluster({ token, certificate: authority.issue(names) })
  const certificate = authority.issue(names)
  const { id, key } = mintKey(randomBytes)
  const file = (name: string) => join(folder, name)
  const put = (name: string, text: string) => writeFile(file(name), text, { mode: 0o600 })
  await Promise.all([
    put('ca.crt', authority.ca), put('tls.crt', certificate.cert), put('tls.key', certificate.key), put('token', token),
    put('callers.yaml', callersOf(id, digestKey(key).toString('hex'))),
  ])
  const secrets = new HeldSecrets()
  const redact = createRedactor(() => secrets.forms())
  const start = async (at: number) => {
    await put('portcullis.yaml', configOf(at, sample.url))
    const { config } = await requireConfig(file('portcullis.yaml'))
    return build(config, { log: createLog({ level: config.log.level, redact }), secrets, env })
  }
  const portcullis = await start(port).catch((error: unknown) => {
    if (mayMove && isInUse(error)) return start(0)
    throw error
  })
  const server = `https://localhost:${portcullis.port}`
  await put('kubeconfig', kubeconfigOf(server, authority.ca, key))
  await write(stdout, welcome({ server, key, portcullis, file, sample: sample.url }))
  // The folder holds a token and keys.
  await stopSignal(createLog({ level: 'warn', redact }), () => rmSync(folder, { recursive: true, force: true }))
  await portcullis.close({ patience: 2000 })
  await sample.close()
}

/** Of the form of a service-account token, so that the guard knows whose it is; the sample cluster knows it by its bytes. */
function serviceAccountToken(): string {
  const claims = { iss: 'https://sample.invalid', sub: 'system:serviceaccount:portcullis:portcullis' }
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.${randomBytes(32).toString('base64url')}`
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}

interface Welcome {
  readonly server: string
  readonly key: string
  readonly portcullis: Portcullis
  readonly sample: string
  readonly file: (name: string) => string
}

function welcome({ server, key, portcullis, sample, file }: Welcome): string {
  return `Portcullis at ${server}, in front of a sample cluster at ${sample}. Ctrl-C ends both.

Try it:
curl --cacert ${file('ca.crt')} -H 'Authorization: Bearer ${key}' ${server}/api/v1/namespaces/team-a/pods
kubectl --kubeconfig ${file('kubeconfig')} get pods

What the key may do: ${file('callers.yaml')} (edit it; changes hold within a second)
Audit log:           ${file('audit.log')}
Health and metrics:  ${portcullis.admin.url}/readyz?verbose ${portcullis.admin.url}/metrics
`
}
