// One soak: both sides and one Portcullis are started, asked for a while, looked at every ten seconds, and counted at the end.
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { logFiles, readLines } from '../support/audited-proxy.mjs'
import { startPart } from '../support/part.mjs'
import { byNode, startContender } from '../speed/contenders.mjs'
import { aside, familyOf, lastWords, memory } from '../speed/processes.mjs'
import { judge } from './judge.mjs'

/** Requests a second: a tenth of what one core can, so that what is held back is not for want of processor time. */
export const rate = 500
/** Seconds between two looks; in a short run there are nine all the same. */
const lookEvery = 10
/** Looks, a second apart, until what is closed and written behind the last answer has to be so. */
const patience = 120

/** `node`: { path, label }. Resolves with samples, counts, lines of the audit log, open files, growth and faults. */
export async function soak({ run, node, minutes, tell }) {
  run.doing = 'starting'
  const { upstream, callers, running, keys, ca } = await start(run, node, minutes)
  const admin = await adminOf(running.folder)
  const family = familyOf(running.pid)
  const look = createLook(family, admin, callers)
  const before = openFiles(family)
  run.doing = 'soaking'
  await callers.ask('begin', { port: running.port, ca, keys, rate })
  const samples = await watch(look, minutes, tell).catch((error) => { throw new Error(`${error.message}\n${lastWords(running.folder)}`) })
  run.doing = 'waiting for what is under way'
  const counts = await callers.ask('finish')
  run.doing = 'counting what is open, and the audit log'
  const after = await settled(() => openFiles(family), (open) => open <= before)
  const lines = { ...await settled(() => linesOf(running.folder), ({ ends }) => ends >= counts.requests), dropped: await droppedAt(admin) }
  const result = { minutes, samples, counts, lines, open: { before, after }, foreign: await upstream.ask('foreign') }
  return { node: node.label, ...result, ...judge(result) }
}

async function start(run, node, minutes) {
  const { makeAuthority } = await import('../../dist/sample/certificate.js')
  const { mintKey } = await import('../../dist/keys/key.js')
  const authority = makeAuthority({ days: 1 })
  const certificate = authority.issue(['localhost', '127.0.0.1'])
  const minted = Array.from({ length: 1000 }, () => mintKey(randomBytes))
  const token = randomBytes(32).toString('hex')
  const upstream = run.keep(aside(startPart('../speed/upstream.mjs')))
  const callers = run.keep(aside(startPart('../soak/callers.mjs')))
  const { port, pid } = await upstream.ask('start', { ...certificate, token })
  const keys = minted.map(({ key }) => key)
  const contender = byNode(node.path).configured({ audit: audit(minutes) })
  const running = run.keep(await startContender(contender, { upstream: { url: `https://localhost:${port}`, port, pid }, ca: authority.ca, certificate, token, minted, keys }))
  return { upstream, callers, running, keys, ca: authority.ca }
}

/** Put aside some twenty times, at about a kilobyte a line. */
function audit(minutes) {
  const maxSize = `${Math.max(64, Math.round(minutes * rate * 60 / 20))}KiB`
  return { policy: [{ level: 'Metadata' }], sinks: [{ file: { path: 'audit.log', maxSize, keep: 1000, compress: true } }] }
}

/** Where it says that its metrics are: just after it takes connections. */
async function adminOf(folder) {
  const line = await settled(() => readFileSync(join(folder, 'output'), 'utf8').split('\n').slice(0, -1).find((text) => text.includes('"msg":"listening"')), (said) => said !== undefined)
  if (line === undefined) throw new Error(`it did not say where it listens: ${lastWords(folder)}`)
  return JSON.parse(line).admin
}

/** Bytes (PSS) and open files of all of its processes, and what it says of itself. */
function createLook(family, admin, callers) {
  const begun = performance.now()
  return async () => {
    const { requests, failures } = await callers.ask('counts')
    const value = await metricsOf(admin)
    return {
      at: (performance.now() - begun) / 1000, requests, failed: failures.reduce((sum, [, count]) => sum + count, 0), memory: memory(family), files: openFiles(family),
      heap: value('nodejs_heap_size_used_bytes'), external: value('nodejs_external_memory_bytes'), watches: value('portcullis_streams\\{kind="watch"\\}'),
    }
  }
}

async function watch(look, minutes, tell) {
  const every = Math.min(lookEvery, minutes * 60 / 9) * 1000
  const samples = []
  const begun = performance.now()
  for (let due = begun + every; due < begun + minutes * 60_000 + every / 2; due += every) {
    await pause(due - performance.now())
    samples.push(await look())
    tell(samples)
  }
  return samples
}

async function metricsOf(admin) {
  const text = await (await globalThis.fetch(`${admin}/metrics`)).text()
  return (name) => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1] ?? 0)
}

async function droppedAt(admin) {
  const text = await (await globalThis.fetch(`${admin}/metrics`)).text()
  return [...text.matchAll(/^portcullis_audit_dropped_total\{.*\} (.*)$/gm)].reduce((sum, [, value]) => sum + Number(value), 0)
}

function openFiles(family) {
  return family.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0)
}

async function linesOf(folder) {
  const files = logFiles(folder)
  const { names, twice } = await readLines(files)
  const count = (stage) => [...names].reduce((sum, name) => name.endsWith(stage) ? sum + 1 : sum, 0)
  return { ends: count(' ResponseComplete'), begins: count(' ResponseStarted'), twice, files: files.length }
}

/** What `ask` says once it is `well`, or when there is no more patience. */
async function settled(ask, well) {
  for (let looks = 0; ; looks += 1) {
    const said = await ask()
    if (well(said) || looks === patience) return said
    await pause(1000)
  }
}
