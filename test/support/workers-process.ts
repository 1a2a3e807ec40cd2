import { mkdtemp, readFile, rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { upstreamToken } from './attack-target.ts'
import { makeAuthority } from './certificates.ts'
import { startUpstream, type Upstream } from './recording-upstream.ts'
import { connectRaw, type RawClient } from './raw-client.ts'
import { removeLater, type Scope } from './scope.ts'
import { startServe, type ServeProcess } from './serve-process.ts'
import { until } from './until.ts'

export interface WorkersOptions {
  readonly workers?: number
  /** Entries of callers.yaml. */
  readonly callers: readonly object[]
  /** More of the config, by section. */
  readonly config?: Readonly<Record<string, unknown>>
  /** Default: plain HTTP on loopback. */
  readonly tls?: boolean
  readonly env?: Readonly<Record<string, string>>
}

/** A line of the operational log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string, readonly pid: number, readonly worker?: number }

/** `portcullis serve` with several workers, before a recording upstream. */
export interface Workers extends ServeProcess {
  readonly upstream: Upstream
  readonly port: number
  readonly adminUrl: string
  /** PEM; empty for plain HTTP. */
  readonly ca: string
  readonly folder: string
  readonly primary: number
  lines(): LogLine[]
  /** Resolves with the first line like that. */
  says(what: (line: LogLine) => boolean): Promise<LogLine>
  /** The process id of each worker, by its number. */
  pids(): Map<number, number>
  /** A connection to that worker: new ones until it is one. */
  connectTo(worker: number): Promise<RawClient>
  write(name: string, text: string): Promise<void>
  audited(): Promise<readonly Readonly<Record<string, unknown>>[]>
  metric(series: string): Promise<number | undefined>
}

export async function startWorkers(t: Scope, { workers = 2, callers, config = {}, tls = false, env = {} }: WorkersOptions): Promise<Workers> {
  const upstream = await startUpstream(t, { aside: target => /^\/apis\/(apiextensions|apiregistration)\.k8s\.io\//.test(target) || target.startsWith('/apis/authentication') })
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-workers-'))
  removeLater(t, folder)
  const write = async (name: string, text: string) => {
    await writeFile(join(folder, `${name}.new`), text, { mode: 0o600 })
    await rename(join(folder, `${name}.new`), join(folder, name))
  }
  const authority = makeAuthority()
  const { cert, key } = authority.issue()
  for (const [name, text] of Object.entries({ 'tls.crt': cert, 'tls.key': key, 'ca.crt': upstream.ca, 'token': upstreamToken })) await write(name, text)
  await write('callers.yaml', JSON.stringify({ callers }))
  await write('portcullis.yaml', JSON.stringify({
    listen: { host: '127.0.0.1', port: 0, ...tls ? { tls: { certFile: 'tls.crt', keyFile: 'tls.key' } } : {} }, admin: { port: 0 }, workers, log: { level: 'debug' },
    clusters: [{ name: 'prod', server: upstream.url, caFile: 'ca.crt', credential: { tokenFile: 'token' }, openshift: false }],
    audit: { sinks: [{ file: { path: 'audit.log' } }], mode: 'blocking' }, ...config,
  }))
  const serve = startServe(t, ['--config', join(folder, 'portcullis.yaml')], { env })
  const lines = () => serve.stderr.split('\n').filter(line => line.startsWith('{') && line.endsWith('}')).map(line => JSON.parse(line) as LogLine)
  // Whatever befalls the primary, no worker outlives the test.
  t.teardown(() => { for (const { pid } of lines()) killIfThere(pid) })
  const { url, admin: adminUrl, pid } = await serve.listening
  const port = Number(new URL(url).port)
  return {
    get stderr() { return serve.stderr },
    listening: serve.listening, exited: serve.exited, stop: () => serve.stop(),
    upstream, port, adminUrl, ca: tls ? authority.ca : '', folder, primary: pid, lines, write,
    async says(what: (line: LogLine) => boolean) {
      await until(() => lines().some(what))
      return lines().find(what) as LogLine
    },
    pids: () => new Map(lines().filter(({ msg }) => msg === 'worker serves').map(({ worker, workerPid }) => [Number(worker), Number(workerPid)])),
    async connectTo(worker: number) {
      for (;;) {
        const client = await connectRaw(t, tls ? { port, ca: authority.ca } : { port })
        client.request('GET', '/who-serves-this')
        const [auditId] = (await client.response()).all('audit-id')
        await until(() => lines().some(line => line.auditId === auditId))
        if (lines().find(line => line.auditId === auditId)?.worker === worker) return client
        client.close()
      }
    },
    async audited() {
      const text = await readFile(join(folder, 'audit.log'), 'utf8').catch(() => '')
      return text.split('\n').slice(0, -1).map(line => JSON.parse(line) as Record<string, unknown>)
    },
    async metric(series: string) {
      const text = await (await fetch(`${adminUrl}/metrics`)).text()
      const line = text.split('\n').find(line => line.startsWith(`${series} `))
      return line === undefined ? undefined : Number(line.slice(series.length + 1))
    },
  }
}

/** Whether a process is there. */
export function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

function killIfThere(pid: number): void {
  if (pid !== process.pid && isThere(pid)) process.kill(pid, 'SIGKILL')
}
