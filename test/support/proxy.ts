import { EventEmitter, once } from 'node:events'
import { existsSync, readFileSync, watch } from 'node:fs'
import { mkdtemp, rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from '../../src/build.ts'
import type { AuditEvent } from '../../src/audit/event.ts'
import { requireConfig } from '../../src/config/load.ts'
import { HeldSecrets } from '../../src/credentials/held-secrets.ts'
import { createLog } from '../../src/log/log.ts'
import { createRedactor } from '../../src/redaction/redact.ts'
import { faultsOfEvent } from './audit-schema.ts'
import { readCasts } from './casts.ts'
import type { Authority } from './certificates.ts'
import { keyFor } from './keys.ts'
import { secretsIn } from './leak-scanner.ts'
import { watchLeaks, type LeakWatch } from './leak-watch.ts'
import { MemoryLog } from './memory-log.ts'
import { connectRaw } from './raw-client.ts'
import { removeLater, type Scope } from './scope.ts'

export type { AuditEvent } from '../../src/audit/event.ts'

export interface ProxyOptions {
  /** By cluster name, the first the default one. */
  readonly upstreams: Readonly<Record<string, { readonly url: string, readonly ca: string }>>
  /** Ours towards every cluster. */
  readonly token: string
  /** Another kind of credential towards every cluster; default: the token, in the file `token`. */
  readonly credential?: object
  /** More files beside the config, by name, readable by us alone. */
  readonly files?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  readonly callers: CallersFile
  /** Issues the proxy's certificate for localhost; without it, plain HTTP on loopback. */
  readonly tls?: Authority
  readonly timeouts?: { readonly connect: string, readonly response: string }
  readonly openshift?: boolean
  /** Of every cluster. */
  readonly http2?: boolean
  /** More of the config, merged by section. */
  readonly config?: Readonly<Record<string, unknown>>
}

/** What callers.yaml holds. */
export interface CallersFile {
  readonly callers: readonly object[]
  readonly scopes?: readonly object[]
}

/** The real product, in this process, with real files. */
export interface TestProxy {
  readonly port: number
  readonly url: string
  /** PEM; empty where it serves plain HTTP. */
  readonly ca: string
  readonly adminUrl: string
  /** Where its files are. */
  readonly folder: string
  /** Everything audited so far. */
  events(): readonly AuditEvent[]
  /** The last event of that request, as soon as it is written. */
  event(auditId: string): Promise<AuditEvent>
  auditText(): string
  /** The operational log so far, at the most verbose level. */
  logText(): string
  /** Resolves when the log has said that. */
  logSays(what: RegExp): Promise<void>
  metrics(): Promise<string>
  /** Watches all that it writes for the secrets that it was given; a test that plants a leak says so here. */
  readonly leaks: LeakWatch
  /** Writes callers.yaml anew; resolves when the proxy says that it has it. */
  rewriteCallers(callers: CallersFile): Promise<void>
  stop(): Promise<void>
}

/** Starts it; it is stopped with the test. */
export async function startProxy(t: Scope, options: ProxyOptions): Promise<TestProxy> {
  const leaks = watchLeaks(t, secretsOf(options))
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-test-'))
  const file = await writeFiles(folder, options)
  const log = new MemoryLog()
  const generations = new Generations(folder, log)
  await generations.write(options.callers)
  const { config } = await requireConfig(file)
  const secrets = new ToldSecrets(secret => leaks.learn(secret))
  const redact = createRedactor(() => secrets.forms())
  const proxy = await build(config, { log: createLog({ level: 'trace', destination: log, redact }), secrets, env: options.env ?? {}, nodeMetrics: false })
  let stopped: Promise<void> | undefined
  const stop = () => stopped ??= proxy.close({ patience: 500 })
  removeLater(t, folder)
  const audit = new AuditFile(join(folder, 'audit.log'))
  // Whatever the test is about: all that it made Portcullis write is what an API server's own log may hold.
  t.teardown(() => {
    for (const event of audit.events()) {
      const faults = faultsOfEvent(event)
      if (faults.length > 0) throw new Error(`no audit.k8s.io/v1 Event: ${faults.join('; ')}: ${JSON.stringify(event)}`)
    }
  })
  t.teardown(() => {
    leaks.sink('the log', log.text)
    leaks.sink('the audit log', audit.text())
    // As they stand, and as they are played.
    for (const { name, text, typed, shown } of readCasts(join(folder, 'recordings'))) leaks.sink(`the recording ${name}`, `${text}\n${typed}\n${shown}`)
  })
  t.teardown(stop)
  const ca = options.tls?.ca ?? ''
  t.teardown(() => audit.close())
  await leaks.port(proxy.port, 'the data listener')
  await leaks.port(proxy.admin.port, 'the admin listener')
  const metrics = async () => (await fetch(`${proxy.admin.url}/metrics`)).text()
  // Not where the test stopped it, or has it say something else.
  t.teardown(async () => leaks.sink('the metrics', stopped === undefined ? await metrics().catch(() => '') : ''))
  return {
    port: proxy.port,
    url: `${ca === '' ? 'http' : 'https'}://localhost:${proxy.port}`,
    ca,
    adminUrl: proxy.admin.url,
    folder,
    events: () => audit.events(),
    event: (id) => audit.event(id),
    auditText: () => audit.text(),
    logText: () => log.text,
    logSays: what => log.says(what),
    metrics,
    leaks,
    rewriteCallers: async (callers) => {
      await generations.write(callers)
      await generations.inForce(t, { port: proxy.port, ca })
    },
    stop,
  }
}

function secretsOf({ token, files = {}, env = {} }: ProxyOptions): string[] {
  const variables = Object.entries(env).filter(([name]) => /token|secret|passw|key/i.test(name)).map(([, value]) => value)
  return [token, ...[...Object.values(files), ...variables].flatMap(secretsIn)]
}

async function writeFiles(folder: string, options: ProxyOptions): Promise<string> {
  const { upstreams, token, tls, timeouts, openshift = false, http2 = false, config = {}, credential = { tokenFile: 'token' }, files = {} } = options
  const write = (name: string, text: string) => writeFile(join(folder, name), text, { mode: 0o600 })
  await write('token', token)
  for (const [name, text] of Object.entries(files)) await write(name, text)
  for (const [name, { ca }] of Object.entries(upstreams)) await write(`${name}-ca.crt`, ca)
  const issued = tls?.issue()
  if (issued !== undefined) await Promise.all([write('tls.crt', issued.cert), write('tls.key', issued.key)])
  const sections: Record<string, object> = {
    listen: { host: '127.0.0.1', port: 0, ...(issued === undefined ? {} : { tls: { certFile: 'tls.crt', keyFile: 'tls.key' } }) },
    admin: { host: '127.0.0.1', port: 0 },
    callers: { file: 'callers.yaml' },
    audit: { sinks: [{ file: { path: 'audit.log' } }], mode: 'blocking' },
    log: { level: 'trace' },
  }
  for (const [name, section] of Object.entries(config)) sections[name] = { ...sections[name], ...section as object }
  const clusters = Object.entries(upstreams).map(([name, { url }]) => ({
    name, server: url, caFile: `${name}-ca.crt`, credential, openshift, http2, ...(timeouts === undefined ? {} : { timeouts }),
  }))
  // JSON is YAML.
  await write('portcullis.yaml', JSON.stringify({ ...sections, clusters }))
  return join(folder, 'portcullis.yaml')
}

/** What is minted, renewed or read anew is watched for as well. */
class ToldSecrets extends HeldSecrets {
  readonly #tell: (secret: string) => void

  constructor(tell: (secret: string) => void) {
    super()
    this.#tell = tell
  }

  override holder(): (secrets: readonly string[]) => void {
    const hold = super.holder()
    return (secrets) => {
      for (const secret of secrets) this.#tell(secret)
      hold(secrets)
    }
  }
}

/** Writes callers.yaml, each time with a caller of its own by which to see that it is in force. */
class Generations {
  readonly #folder: string
  readonly #log: MemoryLog
  #number = 0
  #key = ''

  constructor(folder: string, log: MemoryLog) {
    this.#folder = folder
    this.#log = log
  }

  async write({ callers, scopes = [] }: CallersFile): Promise<void> {
    this.#number += 1
    const { key, id, sha256 } = keyFor(`gen${String(this.#number).padStart(5, '0')}`)
    this.#key = key
    const witness = { name: `generation-${this.#number}`, keys: [{ id, sha256, createdAt: '2026-01-01T00:00:00Z' }] }
    const fresh = join(this.#folder, 'callers.yaml.new')
    await writeFile(fresh, JSON.stringify({ scopes, callers: [...callers, witness] }), { mode: 0o600 })
    await rename(fresh, join(this.#folder, 'callers.yaml'))
  }

  async inForce(t: Scope, { port, ca }: { readonly port: number, readonly ca: string }): Promise<void> {
    const key = this.#key
    for (;;) {
      const next = once(this.#log, 'line')
      const client = await connectRaw(t, ca === '' ? { port } : { port, ca })
      client.request('GET', '/witness', ['Authorization', `Bearer ${key}`])
      const { status } = await client.response()
      client.close()
      // Many such questions from one address are throttled, until the key is known.
      if (status !== 401 && status !== 429) return
      await next
    }
  }
}

/** The audit log, followed as it grows. */
class AuditFile {
  readonly #path: string
  readonly #grown = new EventEmitter<{ grown: [] }>()
  readonly #watcher
  readonly #events: AuditEvent[] = []
  #text = ''

  constructor(path: string) {
    this.#path = path
    this.#grown.setMaxListeners(0)
    // The folder, for the file is not there before its first line.
    this.#watcher = watch(join(path, '..'), () => this.#grown.emit('grown'))
  }

  text(): string {
    this.#read()
    return this.#text
  }

  /** Of whole lines only; the same array every time. */
  events(): readonly AuditEvent[] {
    this.#read()
    return this.#events
  }

  async event(auditId: string): Promise<AuditEvent> {
    for (;;) {
      const grown = once(this.#grown, 'grown')
      const found = this.events().findLast(({ auditID }) => auditID === auditId)
      if (found !== undefined) return found
      await grown
    }
  }

  #read(): void {
    const whole = existsSync(this.#path) ? readFileSync(this.#path, 'utf8') : ''
    const fresh = whole.slice(this.#text.length, whole.lastIndexOf('\n') + 1)
    this.#text += fresh
    for (const line of fresh.split('\n').slice(0, -1)) this.#events.push(JSON.parse(line) as AuditEvent)
  }

  close(): void {
    this.#watcher.close()
  }
}
