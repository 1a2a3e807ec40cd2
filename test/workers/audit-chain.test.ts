// Two workers, one audit log: rotation under load loses no line, and what is there is one chain.
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { verifyChain } from '../../src/audit-log/chain-verify.ts'
import { callerEntry } from '../support/attack-target.ts'
import { keyFor } from '../support/keys.ts'
import { startWorkers } from '../support/workers-process.ts'

t.test('lines in are lines out, and the chain verifies', async (t) => {
  const key = keyFor('loading0')
  const pair = generateKeyPairSync('ed25519', { privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } })
  const keys = t.testdir({ 'signing.pem': pair.privateKey, 'public.pem': pair.publicKey })
  chmodSync(join(keys, 'signing.pem'), 0o600)
  const workers = await startWorkers(t, {
    callers: [callerEntry('loading', key, [{ nonResourceURLs: ['*'], verbs: ['*'] }])],
    config: { audit: { sinks: [{ file: { path: 'audit.log', maxSize: '32KiB', keep: 1000, signingKeyFile: join(keys, 'signing.pem') } }], mode: 'batch' } },
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
  const files = (await readdir(workers.folder)).filter(name => name.startsWith('audit') && !name.endsWith('.jws')).map(name => join(workers.folder, name))
  const texts = await Promise.all(files.map(file => readFile(file, 'utf8')))
  const counted = texts.flatMap(text => text.split('\n')).filter(line => line.includes('"requestURI":"/counted/') && line.includes('"stage":"ResponseComplete"'))
  t.equal(counted.length, clients.length * each)
  const { fault, lines, cut, signed } = await verifyChain(files, { publicKeyFile: join(keys, 'public.pem') })
  t.strictSame([fault, cut], [undefined, []])
  t.strictSame(signed, { signatures: files.length, upTo: lines }, 'up to the end: it was stopped, not killed')
  t.equal(lines, texts.join('').split('\n').length - 1)
  t.ok(files.length > 10)
  t.comment(`${clients.length * each} requests, ${lines - before} lines in ${files.length} files, ${counted.length} of them for these requests; the chain verifies, ${signed?.signatures} signatures`)
})
