// Idle watches: what each takes, whether every event arrives, how much later than without a proxy, and what one that does not read costs the rest.
import { existsSync, readFileSync } from 'node:fs'
import { freemem } from 'node:os'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { startPart } from '../support/part.mjs'
import { startContender } from './contenders.mjs'
import { spread } from './measure.mjs'
import { aside, familyOf, lastWords, memory } from './processes.mjs'
import { judgeWatches } from './targets.mjs'

const path = '/api/v1/namespaces/team-1/pods?watch=true&allowWatchBookmarks=true'

/**
 * How many, and for how long; `settle` is milliseconds until memory is read, `every` those between two events of a watch: in the
 * quick run as many events a second over fewer watches. `bytes` are said to the one that takes nothing.
 */
export const watchModes = {
  quick: { counts: { http1: 500, mixed: 500, http2: 1000 }, settle: 1500, rounds: 3, seconds: 1, every: 1000, bytes: 16e6 },
  full: { counts: { http1: 10_000, mixed: 10_000, http2: 10_000 }, settle: 15_000, rounds: 3, seconds: 10, every: 10_000, bytes: 64e6 },
}

/**
 * By which protocol callers come, and whether the API server is asked by HTTP/2; how many watches share a connection of a caller,
 * how many files each takes in a proxy, bytes of all three processes at most, and milliseconds to open one. Memory is to be at
 * most `target` KB, from `enough` watches on: of fewer, the growth of the heap itself is most of it.
 */
export const protocols = {
  http1: { title: 'HTTP/1.1 on both sides', upstreamHttp2: false, streams: undefined, files: 2, held: 500e3, opening: 5, target: 80, enough: 500 },
  mixed: { title: 'HTTP/1.1 callers, http2: true', upstreamHttp2: true, streams: undefined, files: 1.05, held: 300e3, opening: 3, target: 80, enough: 500 },
  http2: { title: 'HTTP/2 callers, 100 streams a connection, http2: true', upstreamHttp2: true, streams: 100, files: 0.05, held: 100e3, opening: 1.5, target: 15, enough: 5000 },
}

/** Without the proxy, at the same rate of events, though over fewer watches. */
const directly = 1000

/** Seconds that a step takes, about. */
export function secondsOfWatches(protocol, mode) {
  const count = mode.counts[protocol]
  const opened = count + Math.min(count, directly)
  return 3 + (2 * mode.settle + opened * protocols[protocol].opening) / 1000 + (2 * mode.rounds + 1) * mode.seconds
}

/** Results, the rows of targets, and faults, of one protocol: with an API server of its own, and ours as `contender`. */
export async function runWatches({ protocol, contender, mode }, { run, certificate, ca, token, minted, keys, tell }) {
  const kept = []
  const keep = (part) => {
    kept.push(part)
    return run.keep(part)
  }
  try {
    const upstream = keep(await startWatchUpstream(certificate, { http2: protocols[protocol].upstreamHttp2 }))
    const running = keep(await startContender(contender, { upstream, ca, token, keys, minted, certificate }))
    const callers = keep(aside(startPart('../speed/watch-callers.mjs')))
    const result = await measureWatches({ ...running, callers, upstream }, { keys, token, ca, protocol, mode, tell })
      .catch((error) => { throw new Error(`${error.message}\n${lastWords(running.folder)}`) })
    return { result, version: await contender.find(), targets: judgeWatches(result, protocols[protocol]), faults: faultsOf(result) }
  } finally {
    await Promise.all(kept.map((part) => part.stop()))
  }
}

/** The API server's side: a cluster at it is asked by HTTP/2 where `http2` is true. */
async function startWatchUpstream(certificate, { http2 }) {
  const part = aside(startPart('../speed/watch-upstream.mjs'))
  const { port, pid } = await part.ask('start', certificate)
  return { ...part, url: `https://localhost:${port}`, port, pid, http2 }
}

/** As many as fit below the limit of open files of whoever has the most, and into what memory is free. */
function most(count, { files, held }) {
  return Math.min(count, Math.floor((descriptors() - 400) / Math.max(files, 1)), Math.floor(freemem() / held))
}

/** Of one process; node raises the soft limit to the hard one by itself. */
function descriptors() {
  const limits = existsSync('/proc/self/limits') ? readFileSync('/proc/self/limits', 'utf8') : ''
  return Number(/^Max open files\s+\d+\s+(\d+)/m.exec(limits)?.[1] ?? Infinity)
}

/** Bytes a watch (PSS), the events, the milliseconds that are added to each, and what a watch that takes nothing does to the others and to memory. */
async function measureWatches({ port, pid, callers, upstream }, { keys, token, ca, protocol, mode, tell }) {
  const { title, streams } = protocols[protocol]
  const count = most(mode.counts[protocol], protocols[protocol])
  const family = familyOf(pid)
  const open = (more) => callers.ask('open', { port, ca, path, keys, streams, count, ...more })
  // What is compiled and allocated once would fall on the first.
  await open({ count: Math.min(count, 200) })
  await closeAll(callers, upstream)
  await pause(mode.settle)
  const before = memory(family)
  const begun = performance.now()
  tell(`opening ${count}`)
  await open({ flood: true })
  const opening = (performance.now() - begun) / 1000
  await pause(mode.settle)
  const bytes = (memory(family) - before) / count
  tell('events')
  const through = await rounds(callers, upstream, { ...mode, count })
  tell('beside one that takes nothing')
  const slow = await slowReader({ callers, upstream, mode: { ...mode, count }, family })
  const { ended } = slow
  await closeAll(callers, upstream)
  tell('events without a proxy')
  await open({ port: upstream.port, keys: [token], count: Math.min(count, directly) })
  const direct = await rounds(callers, upstream, { ...mode, count })
  return { protocol, title, count, opening, bytes, ...through, ended, direct: { p50: direct.p50, p99: direct.p99 }, added: { p50: through.p50.middle - direct.p50.middle, p99: through.p99.middle - direct.p99.middle }, slow }
}

async function closeAll(callers, upstream) {
  await callers.ask('close')
  while (await openAt(upstream) > 0) await pause(50)
}

async function rounds(callers, upstream, mode) {
  const all = []
  for (let round = 0; round < mode.rounds; round += 1) all.push(await events(callers, upstream, mode))
  const sum = (figure) => all.reduce((total, round) => total + round[figure], 0)
  return { sent: sum('sent'), lost: sum('lost'), outOfOrder: sum('outOfOrder'), p50: spread(all.map(({ p50 }) => p50)), p99: spread(all.map(({ p99 }) => p99)) }
}

async function events(callers, upstream, { seconds, every, count }, during = () => pause(seconds * 1000)) {
  await callers.ask('listen')
  await upstream.ask('speak', { every: every * Math.min(1, await openAt(upstream) / count) })
  const more = await during()
  const { sent } = await upstream.ask('hush')
  const heard = await callers.ask('heard', { sent })
  return { sent, lost: sent - heard.received, ...heard, ...more }
}

async function openAt(upstream) {
  return (await upstream.ask('hush')).watches
}

/** One stops reading, and a great deal is said to it: what the others notice, and what is held for it. */
async function slowReader({ callers, upstream, mode, family }) {
  await callers.ask('stall')
  const before = memory(family)
  const { sent, p50, p99, lost, ended, poured } = await events(callers, upstream, mode, () => upstream.ask('pour', { bytes: mode.bytes, within: mode.seconds * 1000 }))
  return { sent, p50, p99, lost, ended, poured, held: Math.max(0, memory(family) - before) }
}

function faultsOf({ title, lost, outOfOrder, ended, slow }) {
  return [[lost, 'events lost'], [outOfOrder, 'events out of order'], [ended, 'watches ended'], [slow.lost, 'events lost beside a watch that takes nothing']]
    .filter(([count]) => count > 0).map(([count, what]) => `idle watches, ${title}: ${count} ${what}`)
}

/** For the terminal and RESULTS.md. */
export function watchTable(results) {
  const ms = ({ middle, least, greatest }) => `${middle.toFixed(2)} (${least.toFixed(2)}–${greatest.toFixed(2)})`
  return {
    title: 'Idle watches, TLS on both sides; milliseconds from the API server to the caller',
    cells: [
      ['', 'watches', 'KB each', 'opened in s', 'events', 'lost', 'p50 ms', 'direct', 'p99 ms', 'direct', 'p99 beside one that takes nothing', 'MB more for that one'],
      ...results.map(({ title, count, bytes, opening, sent, lost, p50, p99, direct, slow }) => [
        title, String(count), (bytes / 1000).toFixed(1), opening.toFixed(1), String(sent), String(lost),
        ms(p50), direct.p50.middle.toFixed(2), ms(p99), direct.p99.middle.toFixed(2), slow.p99.toFixed(2), (slow.held / 1e6).toFixed(1),
      ]),
    ],
  }
}
