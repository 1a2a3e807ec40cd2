// Does the audit log hold what each mode promises, whatever breaks? Kills, a full disk, a webhook that is down, rotation: all under load, all counted.
// `npm run soak:audit`; --help says more. Loopback alone, up to six processes, some ten minutes.
import { existsSync } from 'node:fs'
import process from 'node:process'
import { URL } from 'node:url'
import { parseArgs } from 'node:util'
import { end, Run } from './support/run.mjs'

const usage = `node bench/audit-faults.mjs [--rounds 30] [--seconds 60] [--only kill,family,disk,webhook,rotation] [--json]

  --rounds N   how often the proxy is killed, as one process (kill) and as two workers with their first process (family)
  --seconds N  how long the webhook is down in each mode; a third of it for each disk that fills up, and for the rotation
  --only A,B   these runs alone
  --json       print one JSON object instead of the table

kill, family  kill -9 under load in blocking-strict, again and again on the same log, which is rotated, signed and compressed
disk          a file system that is full, and has room again, in each mode (it has to be mounted: as root)
webhook       nobody listens there, in each mode
rotation      two workers, a file put aside and compressed every moment

Exit code 1: a mode has not kept its promise, or lines in are not lines out and the dropped ones that were counted.
`
const kinds = ['kill', 'family', 'disk', 'webhook', 'rotation']
const modes = ['batch', 'blocking', 'blocking-strict']
const { values } = parseArgs({ options: {
  rounds: { type: 'string', default: '30' }, seconds: { type: 'string', default: '60' }, only: { type: 'string', default: kinds.join(',') },
  json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false },
} })
const [rounds, seconds] = [values.rounds, values.seconds].map(Number)
const wanted = values.only.split(',')

if (values.help) end(0, usage)
if (![rounds, seconds].every((value) => Number.isInteger(value) && value > 0) || !wanted.every((kind) => kinds.includes(kind))) end(2, usage)
if (!existsSync(new URL('../dist/main.js', import.meta.url))) end(1, 'there is no dist/main.js: run `npm run build` first\n')

const run = new Run(300 + rounds * 30 + seconds * 15)

await run.go(async () => {
  const results = []
  for (const [name, measure] of await plan()) {
    const result = await measure()
    results.push(result === undefined ? { name, skipped: 'no file system may be mounted here' } : { name, ...result })
  }
  process.stdout.write(values.json ? `${JSON.stringify({ node: process.version, rounds, seconds, results })}\n` : table(results))
  if (results.some(({ faults = [] }) => faults.length > 0)) process.exitCode = 1
})

/** What each run is called, and the way to it. */
async function plan() {
  const { makeAuthority } = await import('../dist/sample/certificate.js')
  const { startPart } = await import('./support/part.mjs')
  const { createRuns } = await import('./support/audit-runs.mjs')
  const authority = makeAuthority({ days: 1 })
  const upstream = run.keep(startPart('audited-upstream.mjs'))
  const load = run.keep(startPart('audit-load.mjs'))
  const collector = run.keep(startPart('audit-collector.mjs'))
  const { url } = await upstream.ask('start', authority.issue(['localhost', '127.0.0.1']))
  const runs = createRuns({ upstream, upstreamAt: { url, ca: authority.ca }, load, authority, keep: (part) => run.keep(part), say })
  const third = Math.max(2, Math.round(seconds / 3))
  const all = {
    kill: [['kill -9', () => runs.kill(rounds, 1)]],
    family: [['kill -9, two workers', () => runs.kill(rounds, 2)]],
    disk: modes.map((mode) => [`disk full, ${mode}`, () => runs.disk(mode, third)]),
    webhook: modes.map((mode) => [`webhook down, ${mode}`, () => runs.webhook(mode, seconds, collector)]),
    rotation: [['rotation, two workers', () => runs.rotation(third)]],
  }
  return wanted.flatMap((kind) => all[kind])
}

function say(what) {
  run.doing = what
  process.stderr.write(`${what}\n`)
}

function table(results) {
  const rows = [
    ['run', 'requests', 'acknowledged', 'refused', 'upstream', 'lines in', 'lines out', 'dropped', 'missing', 'chain'],
    ...results.map((row) => [row.name, row.requests, row.acknowledged, row.refused, row.upstream, row.linesIn, row.linesOut, row.dropped, row.missing, row.chain]),
  ].map((row) => row.map((cell) => String(cell ?? '–')))
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const left = (column) => column === 0 || column === widths.length - 1
  const lines = rows.map((row) => row.map((cell, column) => left(column) ? cell.padEnd(widths[column]) : cell.padStart(widths[column])).join('  ').trimEnd())
  const faults = results.flatMap(({ name, faults = [] }) => faults.map((fault) => `FAILED: ${name}: ${fault}`))
  return [
    `Node ${process.version}: the audit log under load, ${rounds} kills of each kind, the webhook down for ${seconds} s in each mode.`, '', ...lines, '',
    ...results.flatMap(({ name, skipped }) => skipped === undefined ? [] : [`not run: ${name}: ${skipped}`]),
    ...faults.length === 0 ? ['Every mode kept its promise, and lines in are lines out and dropped ones. (A killed process takes along what it had not acknowledged: missing are first events.)'] : faults, '',
  ].join('\n')
}
