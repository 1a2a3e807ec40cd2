// Two workers, one audit log: rotation under load loses no line, and what is there is one chain.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { verifyChain } from '../../src/audit-log/chain-verify.ts'
import { callerEntry } from '../support/attack-target.ts'
import { keyFor } from '../support/keys.ts'
import { startWorkers } from '../support/workers-process.ts'

t.test('lines in are lines out, and the chain verifies', async (t) => {
  const key = keyFor('loading0')
  const workers = await startWorkers(t, {
    callers: [callerEntry('loading', key, [{ nonResourceURLs: ['*'], verbs: ['*'] }])],
    config: { audit: { sinks: [{ file: { path: 'audit.log', maxSize: '32KiB', keep: 1000 } }], mode: 'batch' } },
  })
  workers.upstream.answer(() => ({ status: 200, body: '{}' }))
  const before = (await workers.audited()).length
  const clients = await Promise.all([1, 2, 1, 2, 1, 2].map(worker => workers.connectTo(worker)))
  const each = 200
  await Promise.all(clients.map(async (client) => {
    for (let request = 0; request < each; request++) {
      client.request('GET', `/counted/${request}`, ['Authorization', `Bearer ${key.key}`])
      if ((await client.response()).status !== 200) throw new Error('not served')
    }
  }))
  t.equal((await workers.stop()), 0)
  const files = (await readdir(workers.folder)).filter(name => name.startsWith('audit')).map(name => join(workers.folder, name))
  const texts = await Promise.all(files.map(file => readFile(file, 'utf8')))
  const counted = texts.flatMap(text => text.split('\n')).filter(line => line.includes('"requestURI":"/counted/') && line.includes('"stage":"ResponseComplete"'))
  t.equal(counted.length, clients.length * each)
  const { fault, lines, cut } = await verifyChain(files)
  t.strictSame([fault, cut], [undefined, []])
  t.equal(lines, texts.join('').split('\n').length - 1)
  t.ok(files.length > 10)
  t.comment(`${clients.length * each} requests, ${lines - before} lines in ${files.length} files, ${counted.length} of them for these requests; the chain verifies`)
})
