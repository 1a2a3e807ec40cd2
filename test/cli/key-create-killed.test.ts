// The short form of `npm run soak:kill`, and commands at once as processes of their own: both with what the build made.
import { execFile } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { loadCallers } from '../../src/callers/load.ts'
import { digestKey } from '../../src/keys/key.ts'
import { builtMain } from '../support/built.ts'

// Some twenty starts of Node, a second of processor time each: a busy machine takes minutes.
t.setTimeout(900_000)

const run = promisify(execFile)
const bench = fileURLToPath(new URL('../../bench/kill-key-create.mjs', import.meta.url))
const main = builtMain()

t.test('a key create that is killed at any moment leaves the file whole, and every key that was printed in it', async (t) => {
  const { stdout } = await run(process.execPath, [bench, '--runs', '6', '--json'])
  const { killed, done, printed, inFile, faults } = JSON.parse(stdout) as { killed: number, done: number, printed: number, inFile: number, faults: string[] }
  t.strictSame(faults, [])
  t.equal(killed + done, 6)
  t.ok(killed > 0)
  t.ok(inFile >= printed && printed > 0)
})

const config = 'listen: { insecure: true }\nclusters: [{ name: c, server: "https://127.0.0.1:1", credential: { tokenEnv: T } }]\ncallers: { file: who }\n'
const callers = (name: string) => `# ${name}\ncallers:\n  - name: ${name} # stays\n    keys: [] # none yet\n`

t.test('eight processes that make keys at once lose none, and leave nothing behind', async (t) => {
  const folder = t.testdir({ 'p.yaml': config, 'who': { 'a.yaml': callers('a'), 'b.yaml': callers('b') } })
  const made = await Promise.all(Array.from({ length: 8 }, (_, n) => run(process.execPath, [main, 'key', 'create', n % 2 === 0 ? 'a' : 'b', '--config', join(folder, 'p.yaml')])))
  const { keys, faults } = await loadCallers([join(folder, 'who')])
  t.strictSame(faults, [])
  t.equal(keys.size, 8)
  for (const { stdout } of made) t.ok(keys.get(stdout.slice(4, 12))?.sha256.equals(digestKey(stdout.trimEnd())))
  t.match(readFileSync(join(folder, 'who', 'a.yaml'), 'utf8'), /^# a\ncallers:\n {2}- name: a # stays\n {4}keys: \[.*\] # none yet\n$/)
  t.strictSame(readdirSync(join(folder, 'who')), ['a.yaml', 'b.yaml'])
})
