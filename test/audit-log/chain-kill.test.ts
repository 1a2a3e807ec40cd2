// Processes that end while they write lines, again and again: nothing acknowledged is missing, and the chain verifies.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { verifyChain } from '../../src/audit-log/chain-verify.ts'

const writer = fileURLToPath(new URL('../support/audit-writer.ts', import.meta.url))

t.test('some by kill -9, some where the disk takes half a line and no more', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'audit.log')
  const acknowledged: string[] = []
  for (const [index, how] of (['full', 'kill', 'full', 'kill', 'full'] as const).entries()) {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
    // In blocks of 512 bytes: a file may become no larger, and the write that would make it so stops in the middle.
    const limit = how === 'full' ? Math.floor(size / 512) + 900 : 'unlimited'
    const child = spawn('sh', ['-c', `ulimit -f ${limit}; exec "$0" "$@"`, process.execPath, `--import=${new URL('../typescript/register.mjs', import.meta.url).href}`, writer, path, `p${index}`, how === 'full' ? '1e9' : '1e6'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    t.teardown(() => child.kill('SIGKILL'))
    let seen = 0
    child.on('message', (id: string) => {
      acknowledged.push(id)
      seen += 1
      if (how === 'kill' && seen === 7) setTimeout(() => child.kill('SIGKILL'), index)
    })
    await once(child, 'exit')
    t.ok(how === 'kill' ? child.signalCode === 'SIGKILL' : child.exitCode === 4 || child.signalCode === 'SIGXFSZ', `${how}: ${child.signalCode ?? child.exitCode}`)
  }
  const files = readdirSync(folder).map(name => join(folder, name))
  const { fault, lines, cut, openEnd } = await verifyChain(files)
  t.equal(fault, undefined)
  t.ok(cut.length >= 2 && openEnd !== undefined)
  const written = new Set(files.flatMap(file => [...readFileSync(file, 'utf8').matchAll(/"auditID":"([^"]+)"/g)].map(([, id]) => id)))
  t.strictSame(acknowledged.filter(id => !written.has(id)), [])
  t.comment(`${files.length} files, ${lines} lines, ${acknowledged.length} acknowledged, ${cut.length} cut in the middle${openEnd === undefined ? '' : ', the end too'}`)
})
