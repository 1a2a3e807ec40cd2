// What do ten thousand callers cost: to load, to reload under load, to decide about, to hold?
// `npm run bench:callers`; --help says more. Loopback alone, four processes, a minute or two.
import { existsSync } from 'node:fs'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { URL } from 'node:url'
import { parseArgs } from 'node:util'
import { end, Run } from './support/run.mjs'

const usage = `node bench/callers-at-scale.mjs [--callers 10000] [--rules 20] [--seconds 6] [--loose F] [--quick] [--json]

  --callers N   callers, each with a key
  --rules N     rules of each, by a scope that a hundredth of them share, or of its own; 20 at most
  --seconds N   how long to send requests, each time
  --loose F     multiply every bound by this, on a machine that does other things as well
  --quick       one kind of callers file alone, loaded, asked about and reloaded: whether it works at all
  --json        print one JSON object instead of the table
`
/** A start in milliseconds, the longest hold-up of a reload in milliseconds beyond what there is without one, and what a decision may cost in times of that for ten callers. */
const bounds = { load: 1000, stall: 50, ratio: 1.5 }
const rate = 200
const few = 10

const { values } = parseArgs({ options: {
  callers: { type: 'string', default: '10000' }, rules: { type: 'string', default: '20' }, seconds: { type: 'string', default: '6' },
  loose: { type: 'string', default: '1' }, quick: { type: 'boolean', default: false }, json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false },
} })
const [callers, rules, seconds, loose] = [values.callers, values.rules, values.seconds, values.loose].map(Number)

if (values.help) end(0, usage)
if (![callers, rules, seconds].every((value) => Number.isInteger(value) && value > 0) || callers < few || rules > 20 || !(loose >= 1)) end(2, usage)
if (!existsSync(new URL('../dist/main.js', import.meta.url))) end(1, 'there is no dist/main.js: run `npm run build` first\n')

const { callersOf, freshSeed, keysOf, toYaml } = await import('./support/callers-files.mjs')
const seed = freshSeed()
const keys = keysOf(callers, seed)
const folder = await mkdtemp(join(tmpdir(), 'portcullis-bench-'))
const run = new Run(240 + 8 * seconds)
run.keep({ stop: () => rm(folder, { recursive: true, force: true }) })

await run.go(async () => {
  const loads = [await measureLoad('YAML, a hundred scopes', { shared: true, name: 'shared.yaml' })]
  if (!values.quick) {
    loads.push(await measureLoad('YAML, rules of their own', { shared: false, name: 'own.yaml' }))
    loads.push(await measureLoad('JSON, rules of their own', { shared: false, name: 'own.json' }))
  }
  const reloads = [await measureReload('a hundred scopes', true)]
  if (!values.quick) reloads.push(await measureReload('rules of their own', false))
  const result = { node: process.version, processors: cpus().length, callers, rules, loads, reloads }
  const broken = faultsOf(result)
  process.stdout.write(values.json ? `${JSON.stringify({ ...result, broken })}\n` : table(result, broken))
  if (broken.length > 0) process.exitCode = 1
})

function textOf({ shared, name, changed }) {
  const content = callersOf({ keys, rules, shared, changed })
  return name.endsWith('.json') ? JSON.stringify(content) : toYaml(content)
}

async function measureLoad(what, { shared, name }) {
  const { startPart } = await import('./support/part.mjs')
  const file = join(folder, name)
  const text = textOf({ shared, name })
  await writeFile(file, text)
  // A process of its own: what another load left behind is not this one's.
  const part = run.keep(startPart('callers-part.mjs'))
  run.doing = `loading ${what}`
  const first = await part.ask('load', { file })
  const again = await part.ask('load', { file })
  run.doing = `deciding about requests of ${what}`
  const decided = name.endsWith('.json') ? undefined : await part.ask('decide', { count: callers, seed, few, shared, requests: values.quick ? 2000 : 50_000 })
  await part.stop()
  return {
    what, size: text.length, ms: first.ms, again: again.ms, bytes: first.bytes / callers, shared,
    ...decided === undefined ? {} : { whole: decided.whole, alone: decided.alone, bytesInUse: decided.bytes / callers },
  }
}

async function measureReload(what, shared) {
  const { makeAuthority } = await import('../dist/sample/certificate.js')
  const { startPart } = await import('./support/part.mjs')
  const { startProxy } = await import('./support/proxy.mjs')
  const authority = makeAuthority({ days: 1 })
  run.doing = `starting a proxy for callers with ${what}`
  const [upstream, load] = [run.keep(startPart('upstream.mjs')), run.keep(startPart('load.mjs'))]
  const { url } = await upstream.ask('start', authority.issue(['localhost', '127.0.0.1']))
  const texts = [7919, 101].map((changed) => textOf({ shared, name: 'callers.yaml', changed }))
  let inForce
  const proxy = run.keep(await startProxy({
    upstream: { url, ca: authority.ca }, certificate: authority.issue(['localhost', '127.0.0.1']),
    prepare: (where) => {
      inForce = where
      return writeFile(join(where, 'scale.yaml'), texts[0])
    },
    callersFiles: ['callers.yaml', 'scale.yaml'],
  }))
  await load.ask('aim', { port: proxy.port, key: proxy.key, ca: authority.ca })
  await load.ask('run', { rate, seconds: values.quick ? 1 : 2 })
  run.doing = `reloading callers with ${what}`
  const without = await phase(load, proxy)
  const changes = reloadAgain(proxy, join(inForce, 'scale.yaml'), texts)
  const reloading = await phase(load, proxy)
  const reloaded = await changes.stop()
  await Promise.all([proxy, load, upstream].map((part) => part.stop()))
  return { what, without, reloading, ...reloaded }
}

async function phase(load, proxy) {
  // Reading it starts it anew.
  await proxy.lag()
  const measured = await load.ask('run', { rate, seconds })
  return { ...measured, stall: await proxy.lag() }
}

/** Another file whenever the last one is in force: a hundredth of the callers changes each time. */
function reloadAgain(proxy, file, texts) {
  const took = []
  let done = false
  const work = (async () => {
    for (let turn = 1; !done; turn++) {
      const before = proxy.reloads()
      const begun = performance.now()
      await writeFile(`${file}.new`, texts[turn % 2])
      await rename(`${file}.new`, file)
      while (proxy.reloads() === before) await pause(10)
      took.push(performance.now() - begun)
    }
  })()
  return {
    async stop() {
      done = true
      await work
      return { count: took.length, slowest: Math.max(...took) }
    },
  }
}

function faultsOf({ loads, reloads }) {
  const over = (value, bound, what) => value > bound * loose ? [`${what}: ${value.toFixed(value < 10 ? 2 : 0)}, and the bound is ${bound * loose}`] : []
  return [
    ...loads.filter(({ shared }) => shared).flatMap(({ what, ms }) => over(ms, bounds.load, `load of ${what}, ms`)),
    ...loads.flatMap(({ what, whole }) => whole === undefined ? [] : over(whole.ratio, bounds.ratio, `cost of a decision, ${what}`)),
    ...reloads.flatMap(({ what, without, reloading, count }) => [
      ...over(reloading.stall - without.stall, bounds.stall, `event loop held up by a reload of ${what}, ms`),
      ...without.failed + reloading.failed > 0 ? [`${without.failed + reloading.failed} requests failed`] : [],
      // Else nothing is shown.
      ...count === 0 ? [`no reload of ${what} was done`] : [],
    ]),
  ]
}

function table({ node, processors, loads, reloads }, broken) {
  const ms = (value) => value.toFixed(1)
  const kib = (value) => (value / 1024).toFixed(1)
  return [
    `Node ${node}, ${processors} processors: ${callers} callers with ${rules} rules each.`, '',
    ...columns([
      ['load', 'MB', 'ms', 'again, ms', 'KiB a caller', 'when all were asked about'],
      ...loads.map(({ what, size, ms, again, bytes, bytesInUse }) => [
        what, (size / 1e6).toFixed(1), ms.toFixed(0), again.toFixed(0), kib(bytes), bytesInUse === undefined ? '' : kib(bytes + bytesInUse),
      ]),
    ]), '',
    ...columns([
      ['a decision, µs of processor time', `${few} callers`, `${callers}`, 'ratio'],
      ...loads.flatMap(({ what, whole, alone }) => whole === undefined ? [] : [
        [`${what}: target, key and rules`, whole.few.toFixed(2), whole.all.toFixed(2), whole.ratio.toFixed(2)],
        [`${what}: target and rules alone`, alone.few.toFixed(2), alone.all.toFixed(2), alone.ratio.toFixed(2)],
      ]),
    ]), '',
    ...columns([
      [`reload, ${rate} requests a second`, 'no reload', 'reloading', 'reloads', 'slowest, ms'],
      ...reloads.flatMap(({ what, without, reloading, count, slowest }) => [
        [`${what}: event loop held up, ms`, ms(without.stall), ms(reloading.stall), count, slowest.toFixed(0)],
        [`${what}: latency p50, ms`, ms(without.p50), ms(reloading.p50), '', ''],
        [`${what}: latency p99, ms`, ms(without.p99), ms(reloading.p99), '', ''],
        [`${what}: latency max, ms`, ms(without.max), ms(reloading.max), '', ''],
      ]),
    ]), '',
    ...broken.map((fault) => `FAILED: ${fault}`),
    ...broken.length > 0 ? [''] : [],
  ].join('\n')
}

function columns(cells) {
  const rows = cells.map((row) => row.map(String))
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  return rows.map((row) => row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])).join('  ').trimEnd())
}
