// What does an audit event cost a request? The processor time of one proxy that records nothing and of others that record,
// taken in turn. `npm run bench:audit-cost`; --help says more. Loopback alone, a minute.
import { existsSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { URL } from 'node:url'
import { parseArgs } from 'node:util'
import { end, Run } from './support/run.mjs'

const usage = `node bench/audit-cost.mjs [--seconds 3] [--rounds 9] [--rate 500] [--most 1.1] [--json]

  --seconds N   how long each proxy serves in a round
  --rounds N    how often all are gone through, one after the other
  --rate N      requests a second
  --most N      the ratio, Metadata to a file against none, that fails
  --json        print one JSON object instead of the table
`
const { values } = parseArgs({ options: {
  seconds: { type: 'string', default: '3' }, rounds: { type: 'string', default: '9' }, rate: { type: 'string', default: '500' }, most: { type: 'string', default: '1.1' },
  json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false },
} })
const [seconds, rounds, rate, most] = [values.seconds, values.rounds, values.rate, values.most].map(Number)

if (values.help) end(0, usage)
if (![seconds, rounds, rate].every((value) => Number.isInteger(value) && value > 0) || !(most > 0)) end(2, usage)
if (!existsSync(new URL('../dist/main.js', import.meta.url))) end(1, 'there is no dist/main.js: run `npm run build` first\n')

const file = { sinks: [{ file: { path: 'audit.log', maxSize: '1024MiB' } }] }
const variants = [
  { name: 'none: the policy is None for all', audit: { ...file, policy: [{ level: 'None' }] }, lines: 0 },
  { name: 'Metadata to a file', audit: file, lines: 1, mustHold: true },
  { name: 'RequestResponse to a file', audit: { ...file, policy: [{ level: 'RequestResponse' }] }, lines: 1, bodies: true },
  { name: 'Metadata to a file, blocking', audit: { ...file, mode: 'blocking' }, lines: 1 },
  { name: 'Metadata to a file, blocking-strict', audit: { ...file, mode: 'blocking-strict' }, lines: 2 },
]
const run = new Run(variants.length * (rounds + 1) * (seconds + 2) + 60)

await run.go(async () => {
  const results = await measureAll()
  process.stdout.write(values.json ? `${JSON.stringify(results)}\n` : report(results))
  if (results.some(({ failed, missing, mustHold, ratio }) => failed > 0 || missing !== 0 || (mustHold && !(ratio <= most)))) process.exitCode = 1
})

async function measureAll() {
  const served = await start()
  run.doing = 'measuring what they take while nobody asks'
  const idle = await Promise.all(served.map(({ proxy }) => idling(proxy)))
  const rows = served.map(() => ({ cpu: [], requests: 0, failed: 0 }))
  // Once more than is counted: what is compiled and cached at first would fall on the first.
  for (let round = -1; round < rounds; round += 1) {
    for (const [index, { proxy, load }] of served.entries()) {
      run.doing = `measuring ${variants[index].name}`
      const before = await proxy.look()
      const { requests, failed } = await load.ask('run', { rate, seconds })
      // What is still held is written, and counts.
      await pause(100)
      const cpu = ((await proxy.look()).cpu - before.cpu - idle[index] * seconds) / requests
      if (round >= 0) rows[index].cpu.push(cpu)
      rows[index].requests += requests
      rows[index].failed += failed
    }
  }
  await pause(300)
  const results = []
  for (const [index, { cpu, requests, failed }] of rows.entries()) {
    const { lines, bodies } = await countLines(join(served[index].proxy.folder, 'audit.log'))
    const { name, mustHold } = variants[index]
    const missing = requests * variants[index].lines - lines + (variants[index].bodies ? requests - bodies : 0)
    results.push({ name, mustHold, requests, failed, missing, ...spread(cpu) })
  }
  return results.map((result) => ({ ...result, ratio: ratioOf(rows[results.indexOf(result)].cpu, rows[0].cpu) }))
}

/** The middle of the rounds' own ratios: both of a round met the same machine. */
function ratioOf(these, those) {
  return middle(these.map((cpu, round) => cpu / those[round]))
}

function middle(all) {
  return [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)]
}

function spread(all) {
  return { cpu: middle(all), least: Math.min(...all), greatest: Math.max(...all) }
}

/** Seconds of processor time a second: what would fall on every request alike, and make a ratio smaller. */
async function idling(proxy) {
  const before = await proxy.look()
  await pause(2000)
  return ((await proxy.look()).cpu - before.cpu) / 2
}

/** All lines, and those with the body of an answer. */
async function countLines(path) {
  const handle = await open(path, 'a')
  await handle.close()
  const lines = (await readFile(path, 'utf8')).split('\n').slice(0, -1)
  return { lines: lines.length, bodies: lines.filter((line) => line.includes('"responseObject":{"apiVersion":"v1","kind":"Pod"')).length }
}

async function start() {
  const { makeAuthority } = await import('../dist/sample/certificate.js')
  const { startPart } = await import('./support/part.mjs')
  const { startProxy } = await import('./support/proxy.mjs')
  const authority = makeAuthority({ days: 1 })
  const certificate = () => authority.issue(['localhost', '127.0.0.1'])
  const upstream = run.keep(startPart('upstream.mjs'))
  const { url } = await upstream.ask('start', certificate())
  const served = []
  for (const { audit } of variants) {
    const proxy = run.keep(await startProxy({ upstream: { url, ca: authority.ca }, certificate: certificate(), config: { audit } }))
    const load = run.keep(startPart('load.mjs'))
    await load.ask('aim', { port: proxy.port, key: proxy.key, ca: authority.ca })
    served.push({ proxy, load })
  }
  return served
}

function report(results) {
  const micro = (value) => (value * 1e6).toFixed(0)
  const rows = [
    ['audit', 'µs a request', 'least', 'greatest', 'ratio', 'requests', 'lines missing'],
    ...results.map(({ name, cpu, least, greatest, ratio, requests, missing }) => [name, micro(cpu), micro(least), micro(greatest), ratio.toFixed(3), String(requests), String(missing)]),
  ]
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const lines = rows.map((row) => row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])).join('  ').trimEnd())
  return [
    `Node ${process.version}: GET of 1.9 KB, TLS both sides, ${rate} requests a second; processor time of the proxy less what it takes idle, the middle of ${rounds} rounds of ${seconds} s.`,
    '', ...lines, '',
    ...results.flatMap(({ name, failed }) => failed === 0 ? [] : [`FAILED: ${failed} requests with ${name}`]),
    ...results.flatMap(({ name, missing }) => missing === 0 ? [] : [`FAILED: ${missing} lines are missing of ${name}`]),
    ...results.flatMap(({ name, mustHold, ratio }) => !mustHold || ratio <= most ? [] : [`FAILED: ${name} costs ${ratio.toFixed(3)} of none, more than ${most}`]),
    '',
  ].join('\n')
}
