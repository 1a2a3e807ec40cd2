// Two workers and sinks that fail, in every mode: what each promises holds, and what is lost is counted.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { verifyChain } from '../../src/audit-log/chain-verify.ts'
import { callerEntry } from '../support/attack-target.ts'
import { startCollector, type Collector, type CollectorAnswer } from '../support/collector.ts'
import { keyFor } from '../support/keys.ts'
import type { RawClient } from '../support/raw-client.ts'
import { smallDisk } from '../support/small-disk.ts'
import { until } from '../support/until.ts'
import { startWorkers, type Workers } from '../support/workers-process.ts'

const key = keyFor('faulty00')

interface Started {
  readonly workers: Workers
  readonly collector: Collector
  readonly clients: readonly RawClient[]
  /** Where the audit file is. */
  readonly folder: string
}

async function start(t: Test, mode: string, { folder = t.testdir(), webhook = {} }: { readonly folder?: string, readonly webhook?: object } = {}): Promise<Started> {
  const collector = await startCollector(t)
  const workers = await startWorkers(t, {
    callers: [callerEntry('ci', key, [{ nonResourceURLs: ['*'], verbs: ['*'] }])],
    config: { audit: { mode, sinks: [
      { file: { path: join(folder, 'audit.log') } },
      { webhook: { url: collector.url, maxWait: '20ms', initialBackoff: '50ms', timeout: '400ms', ...webhook } },
    ] } },
  })
  workers.upstream.answer(() => ({ status: 200, body: '{}' }))
  return { workers, collector, folder, clients: await Promise.all([1, 2].map(worker => workers.connectTo(worker))) }
}

/** One over each worker. */
function ask({ clients }: Started, path: string) {
  return Promise.all(clients.map(async (client, index) => {
    client.request('GET', `${path}/${index}`, ['Authorization', `Bearer ${key.key}`])
    return client.response()
  }))
}

const linesIn = async (folder: string) => (await readFile(join(folder, 'audit.log'), 'utf8')).split('\n').slice(0, -1).flatMap((line) => {
  try {
    return [JSON.parse(line) as Readonly<Record<string, unknown>>]
  } catch {
    return []
  }
})

const nameOf = ({ auditID, stage }: Readonly<Record<string, unknown>>) => `${String(auditID)} ${String(stage)}`
const dropped = async ({ workers }: Started, sink: string) => await workers.metric(`portcullis_audit_dropped_total{sink="${sink}"}`) ?? 0

const troubles: readonly CollectorAnswer[] = ['nothing', 500]

for (const mode of ['batch', 'blocking', 'blocking-strict'] as const) {
  t.test(`${mode}: a disk that is full, and a webhook that is down, silent, broken`, async (t) => {
    const disk = smallDisk(t, 2048)
    if (disk === undefined) t.pass('a disk that is full', { skip: 'no file system can be mounted here' })
    const started = await start(t, mode, disk === undefined ? {} : { folder: disk.folder })
    const { workers, collector } = started
    const during = async (what: string, enough: number) => {
      let refused = 0
      for (let turn = 0; turn < 200 && refused < enough; turn++) {
        const [path, answers] = [`/${what}/${turn}`, await ask(started, `/${what}/${turn}`)]
        if (mode !== 'blocking-strict') {
          t.strictSame(answers.map(({ status }) => status), [200, 200], `${what}: nobody is refused`)
          if (turn === 2) return
        }
        const seen = workers.upstream.requests.map(({ target }) => target)
        for (const [index, { status, body, all }] of answers.entries()) {
          t.equal(seen.includes(`${path}/${index}`), status === 200, `${what}: what is refused does not go up`)
          if (status === 200) continue
          refused += 1
          t.equal(status, 503)
          t.match(body.toString(), /AuditUnavailable/)
          t.strictSame(all('retry-after'), ['1'])
        }
      }
      t.ok(refused >= enough)
    }
    const afterwards = async (what: string) => {
      await until(async () => (await ask(started, `/after-${what}`)).every(({ status }) => status === 200))
      await until(async () => (await fetch(`${workers.adminUrl}/readyz`)).status === 200)
    }
    await afterwards('start')
    if (disk !== undefined) {
      disk.fill()
      await during('full', 4)
      await until(async () => mode !== 'blocking-strict' || (await fetch(`${workers.adminUrl}/readyz`)).status === 503)
      disk.free()
      await afterwards('full')
    }
    await collector.stop()
    await during('down', 4)
    await until(async () => (await fetch(`${workers.adminUrl}/readyz`)).status === 503)
    await collector.restart()
    await afterwards('down')
    for (const trouble of troubles) {
      collector.answer(() => trouble)
      await during(`answers-${String(trouble)}`, 4)
      collector.answer(() => 200)
      await afterwards(String(trouble))
    }
    t.strictSame([await dropped(started, 'webhook'), await dropped(started, 'file'), await dropped(started, 'worker')], [0, 0, 0])
    t.equal(await workers.stop(), 0)
    const lines = (await linesIn(started.folder)).map(nameOf)
    t.equal(new Set(lines).size, lines.length, 'none twice in the file')
    t.strictSame([...new Set(collector.taken().map(nameOf))].sort(), [...lines].sort(), 'the webhook has had every line of the file, and no other')
    t.equal((await verifyChain([join(started.folder, 'audit.log')])).fault, undefined)
    if (mode === 'blocking-strict') {
      const received = new Set((await linesIn(started.folder)).filter(({ stage }) => stage === 'RequestReceived').map(({ requestURI }) => requestURI))
      t.strictSame(workers.upstream.requests.map(({ target }) => target).filter(target => target !== '/version' && !received.has(target)), [], 'nothing went up unrecorded')
    }
  })
}

t.test('batch: of what the webhook is not taking more is dropped than fits, and exactly that is counted', async (t) => {
  const started = await start(t, 'batch', { webhook: { bufferSize: 30 } })
  const { workers, collector } = started
  await until(() => collector.taken().length > 0)
  await collector.stop()
  for (let turn = 0; turn < 40; turn++) await ask(started, `/dropped/${turn}`)
  await until(async () => await dropped(started, 'webhook') > 0)
  await collector.restart()
  await until(async () => (await fetch(`${workers.adminUrl}/readyz`)).status === 200)
  await ask(started, '/last')
  await until(async () => collector.taken().some(({ requestURI }) => requestURI === '/last/1'))
  const lost = await dropped(started, 'webhook')
  t.equal(await workers.stop(), 0)
  const lines = (await linesIn(started.folder)).map(nameOf)
  const taken = new Set(collector.taken().map(nameOf))
  t.equal(taken.size + lost, lines.length)
  t.equal(lines.filter(line => !taken.has(line)).length, lost)
  t.ok(lost > 30)
  t.comment(`${lines.length} lines in, ${taken.size} taken, ${lost} dropped`)
})
