// How long does `portcullis audit show` take over a long log, and in how much memory?
// `npm run bench:audit-show`; --help says more. One process at a time, half a minute for a million lines.
import { Buffer } from 'node:buffer'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, existsSync } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath, URL } from 'node:url'
import { parseArgs } from 'node:util'
import { createGzip } from 'node:zlib'
import { end, Run } from './support/run.mjs'

const usage = `node bench/audit-show.mjs [--lines 1000000] [--seconds 30] [--memory 256] [--json]

  --lines N    of the log that is made for it, in the folder for temporary files (880 MB a million)
  --seconds N  processor time of a reading beyond which it fails
  --memory N   MiB beyond which it fails
  --json       print one JSON object instead of the table
`
const { values } = parseArgs({ options: {
  lines: { type: 'string', default: '1000000' }, seconds: { type: 'string', default: '30' }, memory: { type: 'string', default: '256' },
  json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false },
} })
const [lines, seconds, memory] = [values.lines, values.seconds, values.memory].map(Number)
const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))

if (values.help) end(0, usage)
if (![lines, seconds, memory].every((value) => Number.isInteger(value) && value > 0)) end(2, usage)
if (!existsSync(main)) end(1, 'there is no dist/main.js: run `npm run build` first\n')

/** What the child says of itself when it is done. */
const preload = `data:text/javascript,process.on('exit',()=>{const u=process.resourceUsage();process.stderr.write(JSON.stringify({cpu:(u.userCPUTime+u.systemCPUTime)/1e6,rss:u.maxRSS/1024}))})`
const run = new Run(900)

await run.go(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-bench-'))
  run.keep({ stop: () => rm(folder, { recursive: true, force: true }) })
  const [plain, packed] = [join(folder, 'audit.log'), join(folder, 'audit.log.gz')]
  run.doing = 'making the log'
  await make(plain, packed)
  const results = []
  for (const [name, args, expected] of [
    ['all', [plain], lines], ['--denied', ['--denied', plain], Math.ceil(lines / 20)], ['--json', ['--json', plain], lines], ['all, compressed', [packed], lines],
  ]) {
    run.doing = `reading: ${name}`
    results.push({ name, expected, ...await show(args) })
  }
  const { size } = await stat(plain)
  process.stdout.write(values.json ? `${JSON.stringify({ lines, bytes: size, results })}\n` : report(size, results))
  if (results.some(({ expected, shown, cpu, rss }) => shown !== expected || cpu > seconds || rss > memory)) process.exitCode = 1
})

async function make(plain, packed) {
  const outputs = [createWriteStream(plain), createGzip({ level: 1 })]
  const written = [once(outputs[0], 'close'), once(outputs[1].pipe(createWriteStream(packed)), 'close')]
  for (let from = 0; from < lines; from += 4000) {
    const text = Array.from({ length: Math.min(4000, lines - from) }, (_, index) => `${JSON.stringify(event(from + index))}\n`).join('')
    for (const output of outputs) if (!output.write(text)) await once(output, 'drain')
  }
  for (const output of outputs) output.end()
  await Promise.all(written)
}

/** As the proxy writes them; every twentieth was refused. */
function event(index) {
  const denied = index % 20 === 0
  const received = 1764000000000 + index * 10
  const [namespace, name] = [`team-${index % 50}`, `web-${index % 1000}`]
  return {
    kind: 'Event', apiVersion: 'audit.k8s.io/v1', level: 'Metadata', auditID: `11111111-2222-4333-8444-${String(index).padStart(12, '0')}`, stage: 'ResponseComplete',
    requestURI: `/api/v1/namespaces/${namespace}/pods/${name}`, verb: 'get',
    user: { username: `caller-${index % 100}`, extra: { 'portcullis.dev/key-id': ['k7Q2mX9a'] } },
    sourceIPs: ['10.0.0.7'], userAgent: 'kubectl/v1.35.0 (linux/amd64) kubernetes/66452049',
    objectRef: { resource: 'pods', namespace, name, apiVersion: 'v1' },
    responseStatus: denied ? { metadata: {}, status: 'Failure', message: `caller may not get pods in namespace ${namespace}`, reason: 'Forbidden', code: 403 } : { metadata: {}, code: 200 },
    requestReceivedTimestamp: microTime(received), stageTimestamp: microTime(received + 12),
    annotations: {
      'authorization.k8s.io/decision': denied ? 'forbid' : 'allow', 'authorization.k8s.io/reason': 'rule 1 of scope read-workloads',
      'portcullis.dev/bytes-out': '1915', 'portcullis.dev/cluster': 'prod', ...denied ? { 'portcullis.dev/code': 'ScopeDenied' } : {},
      'portcullis.dev/duration-ms': '12', 'portcullis.dev/scope': 'read-workloads',
    },
  }
}

function microTime(at) {
  return new Date(at).toISOString().replace('Z', '000Z')
}

/** Runs it with these arguments; counts the lines that it prints. */
async function show(args) {
  const began = process.hrtime.bigint()
  const child = spawn(process.execPath, ['--import', preload, main, 'audit', 'show', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  run.keep({ stop: () => child.kill() })
  const said = []
  let shown = 0
  child.stderr.on('data', (chunk) => said.push(chunk))
  child.stdout.on('data', (chunk) => {
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) shown += 1
  })
  const [code] = await once(child, 'close')
  const text = Buffer.concat(said).toString()
  if (code !== 0) throw new Error(`audit show ended with ${code}: ${text}`)
  const { cpu, rss } = JSON.parse(text)
  return { shown, wall: Number(process.hrtime.bigint() - began) / 1e9, cpu, rss: Math.ceil(rss) }
}

function report(size, results) {
  const rows = results.map(({ name, shown, wall, cpu, rss }) =>
    `${name.padEnd(16)}  ${String(shown).padStart(9)}  ${wall.toFixed(1).padStart(6)} s  ${cpu.toFixed(1).padStart(6)} s  ${String(rss).padStart(5)} MiB\n`)
  return `${lines} events, ${Math.round(size / 1e6)} MB\n${'reading'.padEnd(16)}  ${'shown'.padStart(9)}  ${'wall'.padStart(8)}  ${'cpu'.padStart(8)}  ${'memory'.padStart(9)}\n${rows.join('')}`
}
