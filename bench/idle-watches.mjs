// Do short requests keep their latency while thousands of idle watches are open?
// `npm run build && node bench/idle-watches.mjs`; --help says more. Loopback alone, four processes, under a minute.
import { existsSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { performance } from 'node:perf_hooks'
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { URL } from 'node:url'
import { parseArgs } from 'node:util'
import { end, Run } from './support/run.mjs'

const usage = `node bench/idle-watches.mjs [--watches 2000] [--rate 200] [--seconds 8] [--json]

  --watches N   idle watches to hold open, each on a connection of its own
  --rate N      short requests a second, the same with and without the watches
  --seconds N   how long to measure, each time
  --json        print one JSON object instead of the table
`
/** Seconds after which it gives up, whatever it is doing. */
const longest = 58
const warmUp = 2
/** Of one process beside what the watches take: the connections of short requests, files, the rest. */
const otherDescriptors = 400

const { values } = parseArgs({ options: {
  watches: { type: 'string', default: '2000' }, rate: { type: 'string', default: '200' }, seconds: { type: 'string', default: '8' },
  json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false },
} })
const [watches, rate, seconds] = [values.watches, values.rate, values.seconds].map(Number)

if (values.help) end(0, usage)
if (![watches, rate, seconds].every((value) => Number.isInteger(value) && value > 0)) end(2, usage)
if (2 * seconds + warmUp > longest - 20) end(2, `--seconds ${seconds} does not fit into the ${longest} seconds of this benchmark; ${(longest - 20 - warmUp) / 2} does\n`)
if (!existsSync(new URL('../dist/main.js', import.meta.url))) end(1, 'there is no dist/main.js: run `npm run build` first\n')
checkDescriptors()

const run = new Run(longest)

await run.go(async () => {
  const result = await measureBoth()
  process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : table(result))
  if (result.failures > 0 || result.heard !== watches) process.exitCode = 1
})

async function measureBoth() {
  const { load, proxy, upstream } = await start()
  run.doing = 'measuring without watches'
  await load.ask('run', { rate, seconds: warmUp })
  const without = await phase(load, proxy)
  const before = await proxy.look()
  run.doing = `opening ${watches} watches`
  const begun = performance.now()
  await load.ask('watch', { count: watches, atOnce: 50 })
  const opening = (performance.now() - begun) / 1000
  // What opening them left behind is not part of holding them.
  await pause(1000)
  const open = await proxy.look()
  run.doing = 'measuring with watches'
  const withWatches = await phase(load, proxy)
  const after = await proxy.look()
  run.doing = 'having upstream speak to every watch'
  await load.ask('listen')
  await upstream.ask('speak')
  const heard = await load.ask('heard', { within: 5000 })
  return {
    node: process.version, processors: cpus().length, watches, rate, seconds, opening,
    without, withWatches,
    ratio: { p50: withWatches.p50 / without.p50, p99: withWatches.p99 / without.p99, max: withWatches.max / without.max },
    open: Math.min(open.watches, after.watches),
    heard,
    memory: { before: before.resident, after: after.resident, perWatch: (after.resident - before.resident) / watches, heapPerWatch: (after.heap - before.heap) / watches },
    failures: without.failed + withWatches.failed,
  }
}

async function start() {
  const { makeAuthority } = await import('../dist/sample/certificate.js')
  const { startPart } = await import('./support/part.mjs')
  const { startProxy } = await import('./support/proxy.mjs')
  const authority = makeAuthority({ days: 1 })
  const upstream = run.keep(startPart('upstream.mjs'))
  const load = run.keep(startPart('load.mjs'))
  const { url } = await upstream.ask('start', authority.issue(['localhost', '127.0.0.1']))
  const proxy = run.keep(await startProxy({ upstream: { url, ca: authority.ca }, certificate: authority.issue(['localhost', '127.0.0.1']) }))
  await load.ask('aim', { port: proxy.port, key: proxy.key, ca: authority.ca })
  return { upstream, load, proxy }
}

async function phase(load, proxy) {
  const before = await proxy.look()
  const measured = await load.ask('run', { rate, seconds })
  const after = await proxy.look()
  return { ...measured, cpuPerRequest: (after.cpu - before.cpu) / measured.requests * 1000 }
}

function table({ node, processors, opening, without, withWatches, ratio, open, heard, memory, failures }) {
  const ms = (value) => value.toFixed(2)
  const rows = [
    ['', 'no watches', `${watches} watches`, 'ratio'],
    ['requests answered', without.requests, withWatches.requests, ''],
    ['requests a second', without.rate.toFixed(0), withWatches.rate.toFixed(0), ''],
    ['latency p50, ms', ms(without.p50), ms(withWatches.p50), ms(ratio.p50)],
    ['latency p99, ms', ms(without.p99), ms(withWatches.p99), ms(ratio.p99)],
    ['latency max, ms', ms(without.max), ms(withWatches.max), ms(ratio.max)],
    ['processor time a request, ms', ms(without.cpuPerRequest), ms(withWatches.cpuPerRequest), ms(withWatches.cpuPerRequest / without.cpuPerRequest)],
    ['memory of the proxy, MiB', (memory.before / 1048576).toFixed(0), (memory.after / 1048576).toFixed(0), ms(memory.after / memory.before)],
  ].map((row) => row.map(String))
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const lines = rows.map((row) => row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])).join('  ').trimEnd())
  return [
    `Node ${node}, ${processors} processors, TLS on both sides, upstream, proxy and load each a process of its own.`,
    '', ...lines, '',
    `memory a watch: ${(memory.perWatch / 1024).toFixed(1)} KiB (of it ${(memory.heapPerWatch / 1024).toFixed(1)} KiB JavaScript heap)`,
    `watches: opened in ${opening.toFixed(1)} s, ${open} open at the end, ${heard} heard the event sent then`,
    ...(failures === 0 ? [] : [`FAILED: ${failures} short requests`]),
    ...(heard === watches ? [] : ['FAILED: not every watch was alive at the end']),
    '',
  ].join('\n')
}

/** Both the connection to the caller and the one upstream are the proxy's. Node raises the soft limit to the hard one by itself. */
function checkDescriptors() {
  const needed = 2 * watches + otherDescriptors
  const limits = existsSync('/proc/self/limits') ? readFileSync('/proc/self/limits', 'utf8') : ''
  const [, allowed] = /^Max open files\s+\d+\s+(\d+)/m.exec(limits) ?? []
  if (allowed === undefined || Number(allowed) >= needed) return
  const fewer = Math.floor((Number(allowed) - otherDescriptors) / 2)
  end(1, [
    `${watches} watches take ${needed} open files in one process, and this one may open ${allowed}.`,
    `Raise the hard limit (as root: ulimit -n ${needed}; in a container: --ulimit nofile=${needed}; for a service: LimitNOFILE=${needed})`,
    fewer > 0 ? `or ask for fewer: --watches ${fewer}\n` : '',
  ].join('\n'))
}
