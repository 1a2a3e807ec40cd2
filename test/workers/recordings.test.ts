// Each worker writes the recordings of its own sessions; of one that was killed the file is there as far as it came.
import { join } from 'node:path'
import t from 'tap'
import { callerEntry } from '../support/attack-target.ts'
import { faultsOfCast, readCasts } from '../support/casts.ts'
import { keyFor } from '../support/keys.ts'
import { channelFrame, webSocketFrame } from '../support/session-frames.ts'
import { until } from '../support/until.ts'
import { webSocketAccepted, webSocketHeaders } from '../support/upgrades.ts'
import { startWorkers } from '../support/workers-process.ts'

const key = keyFor('record00')
const v5 = 'v5.channel.k8s.io'

t.test('two workers, a session on each, and one of them is killed', async (t) => {
  const workers = await startWorkers(t, {
    callers: [callerEntry('c', key, [{ apiGroups: [''], resources: ['pods/exec'], verbs: ['create'], namespaces: ['a'] }])],
    config: { audit: { sinks: [{ file: { path: 'audit.log' } }], policy: [{ level: 'Metadata', recordSessions: true }], recordings: { folder: 'recordings' }, mode: 'blocking-strict' } },
  })
  workers.upstream.answer((request, reply) => {
    const tunnel = reply.upgrade(webSocketAccepted(v5))
    tunnel.incoming.on('data', (bytes: Buffer) => {
      tunnel.write(channelFrame('stdout', `echo of ${bytes.length}\r\n`, { masked: false }))
      if ((bytes[0] ?? 0) === 0x88) tunnel.end()
    })
  })
  const folder = join(workers.folder, 'recordings')
  const clients = await Promise.all([1, 2].map(worker => workers.connectTo(worker)))
  for (const [i, client] of clients.entries()) {
    client.request('GET', '/api/v1/namespaces/a/pods/x/exec?command=sh', ['Authorization', `Bearer ${key.key}`, ...webSocketHeaders(v5)])
    t.equal((await client.response()).status, 101)
    client.send(channelFrame('stdin', `typed at ${i + 1}\r`))
    await client.tunnelled()
  }
  await until(() => readCasts(folder).filter(({ typed, shown }) => typed !== '' && shown !== '').length === 2)
  process.kill(workers.pids().get(1) ?? 0, 'SIGKILL')
  await clients[0]?.closed()
  clients[1]?.send(webSocketFrame(Buffer.from([3, 232]), { opcode: 8 }))
  await clients[1]?.closed()
  await until(() => readCasts(folder).some(({ name }) => name.endsWith('.cast')))
  const casts = readCasts(folder)
  for (const { text } of casts) t.strictSame(faultsOfCast(text), [])
  t.strictSame(casts.map(({ name, typed }) => [name.replace(/^.*\.cast/, ''), typed]).sort(), [['', 'typed at 2\r'], ['.part', 'typed at 1\r']])
  await until(async () => (await workers.audited()).some(({ stage, annotations }) => stage === 'ResponseComplete' && (annotations as Record<string, string>)['portcullis.dev/recording'] !== undefined))
  t.ok((await workers.audited()).some(({ stage, annotations }) => stage === 'Panic' && (annotations as Record<string, string>)['portcullis.dev/command'] === 'sh'), 'the log says of the other that its worker died')
  t.equal(await workers.stop(), 0)
})
