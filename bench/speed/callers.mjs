// The callers' side: as many requests as are answered, or so many a second, or each on a connection of its own.
import { Buffer } from 'node:buffer'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { serve } from '../support/part.mjs'
import { Caller, dialer } from './caller.mjs'
import { openExec } from './callers-exec.mjs'
import { loadHttp2 } from './callers-http2.mjs'

serve({ load, pace, fresh, http2: loadHttp2, exec: ({ path, bytes, keys, ...where }) => openExec(dialer(where), { path, bytes, key: keys[0] }) })

/** Each of `connections` asks again when it has been answered, for `seconds`, or `count` times in all. */
async function load({ requests, connections, seconds, count = Infinity, ...where }) {
  const dial = dialer(where)
  const bytes = requests.map((text) => Buffer.from(text, 'latin1'))
  const latencies = []
  const statuses = new Map()
  let failed = 0
  let asked = 0
  const begun = performance.now()
  const end = begun + seconds * 1000
  await Promise.all(Array.from({ length: connections }, async (_, index) => {
    const caller = new Caller(dial)
    for (let turn = index; performance.now() < end && asked < count; turn += 1) {
      asked += 1
      const sent = performance.now()
      try {
        const status = await caller.ask(bytes[turn % bytes.length])
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        latencies.push(performance.now() - sent)
      } catch {
        failed += 1
        break
      }
    }
    caller.end()
  }))
  return { took: (performance.now() - begun) / 1000, failed, statuses: [...statuses], ...summary(latencies) }
}

/** `rate` requests a second, whatever becomes of those before; who finds no connection free waits, and that counts. */
async function pace({ requests, connections, rate, seconds, ...where }) {
  const dial = dialer(where)
  const bytes = requests.map((text) => Buffer.from(text, 'latin1'))
  const idle = Array.from({ length: connections }, () => new Caller(dial))
  const waiting = []
  const latencies = []
  const statuses = new Map()
  let failed = 0
  const run = async (caller, since, index) => {
    try {
      const status = await caller.ask(bytes[index % bytes.length])
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      latencies.push(performance.now() - since)
    } catch {
      failed += 1
      return
    }
    const next = waiting.shift()
    if (next === undefined) idle.push(caller)
    else void run(caller, next, index + 1)
  }
  // Connected before the first is due.
  for (const caller of idle) await caller.ask(bytes[0])
  const begun = performance.now()
  for (let sent = 0; sent < rate * seconds; await pause(1)) {
    for (const now = performance.now(); sent < rate * seconds && begun + sent * 1000 / rate <= now; sent += 1) {
      const caller = idle.pop()
      if (caller === undefined) waiting.push(now)
      else void run(caller, now, sent)
    }
  }
  // What is late counts as well, up to what nobody would wait for.
  for (const given = performance.now() + 10_000; idle.length + failed < connections && performance.now() < given;) await pause(10)
  failed += connections - idle.length - failed
  for (const caller of idle) caller.end()
  return { took: (performance.now() - begun) / 1000, failed, statuses: [...statuses], ...summary(latencies) }
}

/** A new connection for every request, `connections` at a time. */
async function fresh({ requests, connections, seconds, ...where }) {
  const dial = dialer(where)
  const bytes = Buffer.from(requests[0], 'latin1')
  const latencies = []
  let failed = 0
  const end = performance.now() + seconds * 1000
  await Promise.all(Array.from({ length: connections }, async () => {
    while (performance.now() < end) {
      const sent = performance.now()
      const caller = new Caller(dial)
      await caller.ask(bytes).then(() => latencies.push(performance.now() - sent), () => { failed += 1 })
      caller.end()
    }
  }))
  return { took: seconds, failed, statuses: [], ...summary(latencies) }
}

function summary(latencies) {
  latencies.sort((a, b) => a - b)
  const at = (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0
  return { requests: latencies.length, p50: at(0.5), p99: at(0.99) }
}
