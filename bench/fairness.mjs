// Does one caller that floods, or a wrong key in a loop, move the latency of another?
// `npm run bench:fairness`; --help says more. Loopback alone, four processes, a minute and a half.
import { existsSync } from 'node:fs'
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { URL } from 'node:url'
import { parseArgs } from 'node:util'
import { end, Run } from './support/run.mjs'

const usage = `node bench/fairness.mjs [--seconds 5] [--rounds 5] [--rate 100] [--connections 50] [--unlimited] [--loose N] [--json]

  --seconds N      how long each phase of a round is
  --rounds N       how often all phases are gone through, one after the other
  --rate N         requests a second of the caller that is measured
  --connections N  of the one that floods, each asking again as soon as it is answered
  --unlimited      also floods with a caller that has no limits: for the figure, it fails nothing
  --loose N        the ratio of the p99 that fails; default 1.25
  --json           print one JSON object instead of the table
`
const { values } = parseArgs({ options: {
  seconds: { type: 'string', default: '5' }, rounds: { type: 'string', default: '5' }, rate: { type: 'string', default: '100' },
  connections: { type: 'string', default: '50' }, loose: { type: 'string', default: '1.25' },
  unlimited: { type: 'boolean', default: false }, json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false },
} })
const [seconds, rounds, rate, connections, loose] = [values.seconds, values.rounds, values.rate, values.connections, values.loose].map(Number)

if (values.help) end(0, usage)
if (![seconds, rounds, rate, connections].every((value) => Number.isInteger(value) && value > 0) || !(loose > 0)) end(2, usage)
if (!existsSync(new URL('../dist/main.js', import.meta.url))) end(1, 'there is no dist/main.js: run `npm run build` first\n')

/** Callers of the proxy by their place in `keys`: who is measured, who floods under limits, who floods without. */
const limits = { requestsPerSecond: 50, burst: 100, inFlight: 40 }
const [measured, limited, free] = [0, 1, 2]
const wrongKey = 'wrong key'
const phases = [
  { name: 'nobody else' },
  { name: 'a flood over its limits', key: limited, mustHold: true },
  { name: 'a wrong key in a loop', key: wrongKey, mustHold: true },
  ...values.unlimited ? [{ name: 'a flood without limits', key: free }] : [],
]
/** Milliseconds. */
const settling = 1000
const run = new Run(phases.length * rounds * (seconds + 3) + 30)

await run.go(async () => {
  const results = await measureAll()
  process.stdout.write(values.json ? `${JSON.stringify(results)}\n` : report(results))
  if (results.some(({ mustHold, ratio, failed }) => failed > 0 || (mustHold && !(ratio <= loose)))) process.exitCode = 1
})

async function measureAll() {
  const { load, flood, proxy } = await start()
  await load.ask('run', { rate, seconds: 2 })
  const taken = phases.map(() => [])
  // In turn, so that what the machine does meanwhile falls on all of them.
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, phase] of phases.entries()) {
      run.doing = `measuring with ${phase.name}`
      taken[index].push(await measure(phase, { load, flood, proxy }))
    }
  }
  const rows = phases.map(({ name, mustHold = false }, index) => ({ name, mustHold, ...summary(taken[index]) }))
  return rows.map((row) => ({ ...row, ratio: row.p99 / rows[0].p99 }))
}

async function measure({ key }, { load, flood, proxy }) {
  if (key !== undefined) {
    await flood.ask('begin', { connections, key: key === wrongKey ? `${proxy.keys[measured].slice(0, -1)}-` : proxy.keys[key] })
    // What its limits let in at once, and refusals that are not slowed yet, are over after a moment; the flood goes on.
    await pause(settling)
  }
  const before = await proxy.look()
  const begun = Date.now()
  const { requests, failed, p50, p99 } = await load.ask('run', { rate, seconds })
  const took = (Date.now() - begun) / 1000
  const cpu = (await proxy.look()).cpu - before.cpu
  const answered = key === undefined ? 0 : (await flood.ask('end')).answered
  return { requests, failed, p50, p99, processor: cpu / took, flooded: answered / took }
}

/** Of the rounds: the middle one, so that one in which the machine was busy counts for nothing. */
function summary(all) {
  const middle = (name) => all.map((one) => one[name]).sort((a, b) => a - b)[Math.floor(all.length / 2)]
  const sum = (name) => all.reduce((total, one) => total + one[name], 0)
  return { requests: sum('requests'), failed: sum('failed'), p50: middle('p50'), p99: middle('p99'), processor: middle('processor'), flooded: middle('flooded') }
}

async function start() {
  const { makeAuthority } = await import('../dist/sample/certificate.js')
  const { startPart } = await import('./support/part.mjs')
  const { startProxy } = await import('./support/proxy.mjs')
  const authority = makeAuthority({ days: 1 })
  const certificate = () => authority.issue(['localhost', '127.0.0.1'])
  const upstream = run.keep(startPart('upstream.mjs'))
  const load = run.keep(startPart('load.mjs'))
  const flood = run.keep(startPart('flood.mjs'))
  const { url } = await upstream.ask('start', certificate())
  const proxy = run.keep(await startProxy({ upstream: { url, ca: authority.ca }, certificate: certificate(), callers: 3, limits: { [limited]: limits } }))
  await load.ask('aim', { port: proxy.port, key: proxy.keys[measured], ca: authority.ca })
  await flood.ask('aim', { port: proxy.port, ca: authority.ca })
  return { load, flood, proxy }
}

function report(results) {
  const rows = [
    ['beside the caller that is measured', 'p50, ms', 'p99, ms', 'p99 ratio', 'flood answered a second', 'processor of the proxy'],
    ...results.map(({ name, p50, p99, ratio, flooded, processor }) => [name, p50.toFixed(2), p99.toFixed(2), ratio.toFixed(2), flooded.toFixed(0), `${(processor * 100).toFixed(1)} %`]),
  ]
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const lines = rows.map((row) => row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])).join('  ').trimEnd())
  return [
    `Node ${process.version}: one caller at ${rate} requests a second; the flood from ${connections} connections; the middle of ${rounds} rounds of ${seconds} s.`,
    '', ...lines, '',
    ...results.flatMap(({ name, failed }) => failed === 0 ? [] : [`FAILED: ${failed} requests beside ${name}`]),
    ...results.flatMap(({ name, mustHold, ratio }) => !mustHold || ratio <= loose ? [] : [`FAILED: ${name} moves the p99 of another caller by ${ratio.toFixed(2)}, more than ${loose}`]),
    '',
  ].join('\n')
}
