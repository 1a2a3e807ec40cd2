// The proxy of the audit runs: started, killed and started again on the same files, and its log read to the end.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath, URL } from 'node:url'
import { createGunzip } from 'node:zlib'
import { end, prepareProxy, spawnProxy } from './proxy.mjs'

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

/** `options` as of `prepareProxy`. Nothing runs yet. */
export async function makeProxy(options) {
  const { folder, keys } = await prepareProxy(options)
  return new AuditedProxy(folder, keys[0])
}

class AuditedProxy {
  folder
  key
  port = 0
  #admin = ''
  #child
  /** The process ids of its workers, as it tells them. */
  #workers = []

  constructor(folder, key) {
    this.folder = folder
    this.key = key
  }

  async start() {
    const child = this.#child = spawnProxy(this.folder)
    this.#workers = []
    const log = []
    const { url, admin } = await new Promise((resolve, reject) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        if (log.length < 50) log.push(line)
        if (!line.startsWith('{')) return
        const said = JSON.parse(line)
        if (said.msg === 'worker serves') this.#workers.push(said.workerPid)
        if (said.msg === 'listening') resolve(said)
      })
      child.once('exit', () => reject(new Error(`the proxy did not start:\n${log.join('\n')}`)))
    })
    this.port = Number(new URL(url).port)
    this.#admin = admin
  }

  /** With kill -9, all of its processes at once. */
  async kill() {
    const gone = once(this.#child, 'exit')
    for (const pid of [this.#child.pid, ...this.#workers]) killIfThere(pid)
    await gone
  }

  /** As an operator stops it, with the time that it takes for that. */
  end() {
    return end(this.#child, 60_000)
  }

  async ready() {
    return (await globalThis.fetch(`${this.#admin}/readyz`)).ok
  }

  /** Lines that were dropped, by all sinks, as its metric says. */
  async dropped() {
    const metrics = await (await globalThis.fetch(`${this.#admin}/metrics`)).text()
    return [...metrics.matchAll(/^portcullis_audit_dropped_total\{.*\} (.*)$/gm)].reduce((sum, [, value]) => sum + Number(value), 0)
  }

  async stop() {
    for (const pid of this.#workers) killIfThere(pid)
    if (this.#child !== undefined) await end(this.#child)
    await rm(this.folder, { recursive: true, force: true })
  }
}

function killIfThere(pid) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}

/** The files of a log, without their signatures; what was compressed and not yet removed once. */
export function logFiles(folder) {
  const names = readdirSync(folder).filter((name) => /^audit.*\.log(\.gz)?$/.test(name))
  return names.filter((name) => !names.includes(`${name}.gz`)).map((name) => join(folder, name))
}

/** `auditID stage` of each whole line, and how often one is there more than once. */
export async function readLines(files) {
  const names = new Set()
  let lines = 0
  for (const file of files) {
    const raw = createReadStream(file)
    for await (const line of createInterface({ input: file.endsWith('.gz') ? raw.pipe(createGunzip()) : raw })) {
      const event = read(line)
      if (event === undefined) continue
      names.add(`${event.auditID} ${event.stage}`)
      lines += 1
    }
  }
  return { names, twice: lines - names.size }
}

/** Undefined for what a crash or a full disk left of a line, which may well end in a brace. */
function read(line) {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** What `portcullis audit verify` says, of the signatures too where there is a key. */
export async function verify(files, publicKey) {
  const options = ['--json', ...publicKey === undefined ? [] : ['--public-key', publicKey]]
  const { code, stdout, stderr } = await new Promise((resolve) => {
    const child = execFile(process.execPath, [main, 'audit', 'verify', ...options, ...files], { maxBuffer: 2 ** 26 }, (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }))
  })
  if (stdout === '') return { sound: false, words: stderr.trim() }
  const { sound, fault, cut } = JSON.parse(stdout)
  const pieces = cut.length === 0 ? '' : `, ${cut.length} cut`
  return { sound: code === 0 && sound === true, words: fault === null ? `sound${pieces}` : `${fault.kind} at ${fault.file}:${fault.line}` }
}
