// Is the callers file whole, and every key that was printed in it, whenever a `key create` is killed?
// `npm run soak:kill`; --help says more. One process at a time, some minutes.
import { spawn } from 'node:child_process'
import { createHash, randomInt } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import process from 'node:process'
import { clearTimeout, setTimeout } from 'node:timers'
import { fileURLToPath, URL } from 'node:url'
import { parseArgs } from 'node:util'
import { end, Run } from './support/run.mjs'

const usage = `node bench/kill-key-create.mjs [--runs 500] [--json]

  --runs N   how often \`portcullis key create\` is started and killed
  --json     print one JSON object instead of the table

Two in five are killed at any moment between their start and their end; the others as soon as they
have written into the folder, begun the new file, or renamed it, or a moment later.
`
const { values } = parseArgs({ options: { runs: { type: 'string', default: '500' }, json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } } })
const runs = Number(values.runs)
const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))

if (values.help) end(0, usage)
if (!Number.isInteger(runs) || runs < 1) end(2, usage)
if (!existsSync(main)) end(1, 'there is no dist/main.js: run `npm run build` first\n')

const callers = `# who may come in: this line is to stay
scopes:
  - name: read   # a scope
    rules: [{ apiGroups: [""], resources: [pods], verbs: [get], namespaces: [team-a] }]

callers:
  # builds
  - name: ci     # the first
    scopes: [read]
    keys: []     # none yet

  - name: bot    # the second
    scopes: [read]
# the end
`
/** What is in the folder when it is killed, and up to how many milliseconds later. */
const moments = [{ seen: /./, within: 30 }, { seen: /^\.callers\.yaml\./, within: 4 }, { seen: /^callers\.yaml$/, within: 2 }]

const run = new Run(60 + runs * 10)

await run.go(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-kill-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const result = await soak(folder)
  process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : table(result))
  if (result.faults.length > 0) process.exitCode = 1
})

async function soak(folder) {
  const { loadCallers } = await import('../dist/callers/load.js')
  const file = join(folder, 'callers.yaml')
  writeFileSync(join(folder, 'portcullis.yaml'), 'listen: { insecure: true }\nclusters: [{ name: c, server: "https://127.0.0.1:1", credential: { tokenEnv: T } }]\n')
  writeFileSync(file, callers)
  const result = { node: process.version, runs, killed: 0, done: 0, beforeAnything: 0, withLock: 0, withTemporary: 0, takenOver: 0, inFileUnprinted: 0, printed: 0, inFile: 0, faults: [] }
  const printed = new Set()
  let life = await lifeOf(folder, printed)
  let keys = await look(loadCallers, file, printed, result.faults, 0)
  for (let turn = 0; turn < runs; turn += 1) {
    run.doing = `killing the ${turn + 1}th`
    const stale = existsSync(lockOf(folder))
    const outcome = await createAndKill(folder, momentOf(turn, life))
    for (const key of outcome.keys) printed.add(key)
    const found = await look(loadCallers, file, printed, result.faults, turn)
    count(result, outcome, { folder, stale, gained: found - keys - outcome.keys.length })
    keys = found
    // A busy machine is sometimes slower: kills are to fall over all of a life.
    if (!outcome.killed && outcome.took > life) life = outcome.took
  }
  // Nothing that was left behind keeps the next one from its work.
  const [before, last] = [existsSync(lockOf(folder)), await createAndKill(folder, undefined)]
  for (const key of last.keys) printed.add(key)
  if (before) result.takenOver += 1
  if (last.code !== 0) result.faults.push(`the last one, which was left alone, ended with ${last.code}: ${last.stderr}`)
  const left = readdirSync(folder).filter(name => !['callers.yaml', 'portcullis.yaml'].includes(name))
  if (left.length > 0) result.faults.push(`left behind: ${left.join(', ')}`)
  result.inFile = await look(loadCallers, file, printed, result.faults, runs)
  result.printed = printed.size
  return result
}

function momentOf(turn, life) {
  const moment = moments[turn % 5]
  if (moment === undefined) return { after: Math.random() * life * 1.1 }
  return { seen: moment.seen, delay: randomInt(0, moment.within + 1) }
}

function lockOf(folder) {
  return join(folder, '.callers.lock')
}

/** Milliseconds that one takes that is left alone. */
async function lifeOf(folder, printed) {
  const took = []
  for (let turn = 0; turn < 2; turn += 1) {
    const outcome = await createAndKill(folder, undefined)
    if (outcome.code !== 0) throw new Error(`key create ended with ${outcome.code}: ${outcome.stderr}`)
    for (const key of outcome.keys) printed.add(key)
    took.push(outcome.took)
  }
  return Math.max(...took)
}

/** `when`: `after` milliseconds from the start, or `delay` after a file of that name was `seen` to change; undefined: never. */
function createAndKill(folder, when) {
  const began = performance.now()
  const caller = Math.random() < 0.5 ? 'ci' : 'bot'
  const child = spawn(process.execPath, [main, 'key', 'create', caller, '--config', join(folder, 'portcullis.yaml')], { stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr, killed] = ['', '', false]
  child.stdout.on('data', (text) => { stdout += text })
  child.stderr.on('data', (text) => { stderr += text })
  const kill = () => { killed = child.kill('SIGKILL') || killed }
  let timer = when?.after === undefined ? undefined : setTimeout(kill, when.after)
  const watcher = when?.seen === undefined ? undefined : watch(folder, (_event, name) => {
    if (!when.seen.test(name)) return
    if (when.delay === 0) kill()
    else timer ??= setTimeout(kill, when.delay)
  })
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      watcher?.close()
      resolve({ code, killed: killed && signal === 'SIGKILL', keys: stdout.match(/pcl_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}/g) ?? [], stderr, took: performance.now() - began })
    })
  })
}

/** Returns how many keys are in the file. */
async function look(loadCallers, file, printed, faults, turn) {
  const text = readFileSync(file, 'utf8')
  const { keys, faults: found } = await loadCallers([file])
  if (found.length > 0) faults.push(`after run ${turn} the file is broken: ${found[0].message}`)
  for (const line of callers.split('\n').filter(line => line.includes('#'))) {
    const comment = line.slice(line.indexOf('#'))
    if (!text.includes(comment)) faults.push(`after run ${turn} a comment is gone: ${comment}`)
  }
  for (const key of printed) {
    const digest = createHash('sha256').update(key).digest()
    if (keys.get(key.slice(4, 12))?.sha256.equals(digest) !== true) faults.push(`after run ${turn} a key that was printed is not in the file: ${key.slice(4, 12)}`)
  }
  return keys.size
}

function count(result, outcome, { folder, stale, gained }) {
  const names = readdirSync(folder)
  const locked = names.includes('.callers.lock')
  const temporary = names.some(name => /^\.callers\.yaml\.[0-9a-f]{12}$/.test(name))
  if (outcome.killed) result.killed += 1
  else result.done += 1
  if (!outcome.killed && outcome.code !== 0) result.faults.push(`one that was not killed ended with ${outcome.code}: ${outcome.stderr}`)
  if (outcome.killed && locked && !stale) result.withLock += 1
  if (outcome.killed && temporary) result.withTemporary += 1
  if (stale && (!locked || gained + outcome.keys.length > 0)) result.takenOver += 1
  if (outcome.killed && gained > 0) result.inFileUnprinted += gained
  if (outcome.killed && gained === 0 && outcome.keys.length === 0 && !locked && !temporary) result.beforeAnything += 1
}

function table({ node, killed, done, beforeAnything, withLock, withTemporary, takenOver, inFileUnprinted, printed, inFile, faults }) {
  const rows = [
    ['killed', killed], ['  before it wrote anything', beforeAnything], ['  while it held the lock', withLock], ['  with a temporary file', withTemporary],
    ['  after the rename, before it printed', inFileUnprinted], ['done before it was killed', done], ['stale locks taken over', takenOver],
    ['keys printed', printed], ['keys in the file', inFile],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  return [
    `Node ${node}: key create, killed ${runs} times.`, '', ...rows.map(([name, value]) => `${name.padEnd(width)}  ${String(value).padStart(5)}`), '',
    ...faults.length === 0 ? ['The file was whole each time, with its comments and every key that had been printed.'] : faults.slice(0, 20).map(fault => `FAILED: ${fault}`), '',
  ].join('\n')
}
