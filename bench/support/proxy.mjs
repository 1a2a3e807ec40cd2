// The proxy itself: `portcullis serve` from dist, on files of its own.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { clearTimeout, setTimeout } from 'node:timers'
import { fileURLToPath, URL } from 'node:url'
import { digestKey, mintKey } from '../../dist/keys/key.js'

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const reading = [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'], namespaces: ['a'] }]

/**
 * Starts it before `upstream` ({ url, ca }), serving with `certificate` ({ cert, key }), for so many callers with these
 * rules, some of them by their place with `limits`; `token` is in the file `token` beside its config,
 * where sections of `config` take the place of others. Rejects where it ends instead.
 */
export async function startProxy({ prepare, ...options }) {
  const { folder, keys } = await prepareProxy(options)
  await prepare?.(folder)
  const child = spawnProxy(folder)
  const stop = async () => {
    await end(child)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const { url, admin } = await listening(child)
    const reloads = countReloads(child)
    return { folder, port: Number(new URL(url).port), key: keys[0], keys, stop, look: () => look(admin), lag: () => lag(admin), reloads }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Its files alone, in a folder that whoever asks removes; see `startProxy`. */
export async function prepareProxy({
  upstream, certificate, callers = 1, rules = reading, token = randomBytes(32).toString('hex'), credential = { tokenFile: 'token' }, limits = {},
  config = {}, callersFiles = ['callers.yaml'],
}) {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-bench-'))
  const keys = Array.from({ length: callers }, () => mintKey(randomBytes))
  await writeFiles(folder, { upstream, certificate, token, credential, callers: keys.map(callerOf(rules, limits)), callersFiles, config })
  return { folder, keys: keys.map(({ key }) => key) }
}

/** `portcullis serve` on the files of that folder; its log is on stderr. */
export function spawnProxy(folder) {
  return spawn(process.execPath, [main, 'serve', '--config', join(folder, 'portcullis.yaml')], { stdio: ['ignore', 'ignore', 'pipe'] })
}

/** By SIGTERM, and after so many milliseconds by SIGKILL. */
export async function end(child, patience = 3000) {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const tooLong = setTimeout(() => child.kill('SIGKILL'), patience)
  await gone
  clearTimeout(tooLong)
}

function callerOf(rules, limits) {
  return ({ id, key }, index) => ({ name: `bench-${index}`, rules, limits: limits[index] ?? {}, keys: [{ id, sha256: digestKey(key).toString('hex') }] })
}

async function writeFiles(folder, { upstream, certificate, token, credential, callers, callersFiles, config }) {
  const write = (name, text) => writeFile(join(folder, name), text, { mode: 0o600 })
  await write('token', token)
  await write('ca.crt', upstream.ca)
  await write('tls.crt', certificate.cert)
  await write('tls.key', certificate.key)
  await write('callers.yaml', JSON.stringify({ callers }))
  // JSON is YAML.
  await write('portcullis.yaml', JSON.stringify({
    listen: { host: '127.0.0.1', port: 0, tls: { certFile: 'tls.crt', keyFile: 'tls.key' } },
    admin: { port: 0 },
    callers: { file: callersFiles },
    clusters: [{ name: 'bench', server: upstream.url, caFile: 'ca.crt', credential, openshift: false }],
    audit: { sinks: [{ file: { path: 'audit.log' } }] },
    ...config,
  }))
}

async function listening(child) {
  const log = []
  for await (const line of createInterface({ input: child.stderr })) {
    log.push(line)
    const said = line.startsWith('{') ? JSON.parse(line) : {}
    if (said.msg !== 'listening') continue
    return said
  }
  throw new Error(`the proxy did not start:\n${log.join('\n')}`)
}

/** How often it has read its callers since it listened. Reads on, too, or the log would fill the pipe. */
function countReloads(child) {
  let [reloads, rest] = [0, '']
  child.stderr.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()
    reloads += lines.filter((line) => line.includes('"msg":"callers loaded"')).length
  })
  child.stderr.resume()
  return () => reloads
}

/** The longest that its event loop was held up since the last time it was asked, in milliseconds, and no less than the clock tells: about 10. */
async function lag(admin) {
  const metrics = await (await globalThis.fetch(`${admin}/metrics`)).text()
  return Number(/^nodejs_eventloop_lag_max_seconds (.*)$/m.exec(metrics)?.[1]) * 1000
}

/** What it says of itself: bytes resident, bytes of heap, seconds of processor time, open watches. */
async function look(admin) {
  const metrics = await (await globalThis.fetch(`${admin}/metrics`)).text()
  const value = (name) => Number(new RegExp(`^${name} (.*)$`, 'm').exec(metrics)?.[1])
  return {
    resident: value('process_resident_memory_bytes'),
    heap: value('nodejs_heap_size_used_bytes'),
    cpu: value('process_cpu_seconds_total'),
    watches: value('portcullis_streams\\{kind="watch"\\}'),
  }
}
