// Idle watches: what each takes, whether every event arrives, how much later than without a proxy, and what one that does not read costs the rest.
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { startPart } from '../support/part.mjs'
import { familyOf, memory } from './processes.mjs'

const path = '/api/v1/namespaces/team-1/pods?watch=true&allowWatchBookmarks=true'

/** How many, and for how long; `settle` is milliseconds until memory is read, `every` those between two events of a watch. */
export const modes = {
  quick: { count: 1000, settle: 2500, seconds: 2, every: 10_000, bytes: 16e6 },
  full: { count: 10_000, settle: 15_000, seconds: 30, every: 10_000, bytes: 64e6 },
}

/** By which protocol callers come, how many watches share a connection then, and how many files each takes in a proxy. */
export const protocols = {
  http1: { title: 'HTTP/1.1', streams: undefined, files: 2 },
  http2: { title: 'HTTP/2, 100 streams a connection', streams: 100, files: 0.02 },
}

/** The API server's side, for `startContender`: a cluster at it is asked by HTTP/2 where `http2` is true. */
export async function startWatchUpstream(certificate, { http2 }) {
  const part = startPart('../speed/watch-upstream.mjs')
  const { port, pid } = await part.ask('start', certificate)
  return { ...part, url: `https://localhost:${port}`, port, pid, http2 }
}

/** As many watches as fit below the limit of open files of whoever has the most. */
export function most(count, { files }, limit) {
  return Math.min(count, Math.floor((limit - 400) / Math.max(files, 1)))
}

/**
 * Of one that `startContender` started before such an upstream: bytes a watch (PSS), the events, the milliseconds that it adds to
 * each, and what a watch that takes nothing does to the others and to its memory. `mode` is one of `modes`, with another `count` perhaps.
 */
export async function measureWatches({ port, pid }, { upstream, keys, token, ca, protocol, mode }) {
  const callers = startPart('../speed/watch-callers.mjs')
  const { streams } = protocols[protocol]
  const { count, settle } = mode
  const open = (more) => callers.ask('open', { port, ca, path, keys, streams, count, ...more })
  const family = familyOf(pid)
  try {
    // What is compiled and allocated once would fall on the first.
    await open({ count: Math.min(count, 200) })
    await callers.ask('close')
    await pause(settle)
    const before = memory(family)
    const begun = performance.now()
    await open({ flood: true })
    const opening = (performance.now() - begun) / 1000
    await pause(settle)
    const bytes = (memory(family) - before) / count
    const through = await events(callers, upstream, mode)
    const slow = await slowReader({ callers, upstream, mode, family })
    await callers.ask('close')
    await pause(500)
    await callers.ask('open', { port: upstream.port, ca, path, keys: [token], streams, count: Math.min(count, directly) })
    const direct = await events(callers, upstream, mode)
    return { protocol, count, opening, bytes, ...through, direct: { p50: direct.p50, p99: direct.p99 }, added: { p50: through.p50 - direct.p50, p99: through.p99 - direct.p99 }, slow }
  } finally {
    await callers.stop()
  }
}

/** Without the proxy, at the same rate of events, though over fewer watches. */
const directly = 1000

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
  const { p50, p99, lost, poured } = await events(callers, upstream, mode, () => upstream.ask('pour', { bytes: mode.bytes, within: mode.seconds * 1000 }))
  return { p50, p99, lost, poured, held: Math.max(0, memory(family) - before) }
}
