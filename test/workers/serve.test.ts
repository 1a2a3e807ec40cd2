// Several real processes on one port, which act as one. One start for most of it: a process takes its time.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { callerEntry } from '../support/attack-target.ts'
import { keyFor, type TestKey } from '../support/keys.ts'
import type { RawClient, StreamedResponse } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { isThere, startWorkers } from '../support/workers-process.ts'

const [free, few, seldom, going] = [keyFor('free0000'), keyFor('few00000'), keyFor('seldom00'), keyFor('going000')]
const rules = [{ nonResourceURLs: ['*'], verbs: ['*'] }, { apiGroups: [''], resources: ['pods'], verbs: ['*'], namespaces: ['a'] }]
const staying = [
  callerEntry('free', free, rules),
  callerEntry('few', few, rules, { limits: { inFlight: 2, streams: 1 } }),
  callerEntry('seldom', seldom, rules, { limits: { requestsPerSecond: 0.01, burst: 3 } }),
]
const withGoing = [...staying, callerEntry('going', going, rules)]

const workers = await startWorkers(t, { callers: withGoing, config: { audit: { sinks: [{ file: { path: 'audit.log', maxSize: '8KiB', keep: 500 } }], mode: 'blocking' } } })
const held: (() => void)[] = []
const sendMore: (() => void)[] = []
workers.upstream.answer((request, reply) => {
  if (request.target.includes('watch=true')) {
    reply.stream()
    sendMore.push(() => reply.chunk('{"type":"MODIFIED"}\n'))
    return reply.chunk('{"type":"ADDED"}\n')
  }
  if (request.target === '/held') return new Promise(resolve => held.push(() => resolve({ status: 200, body: '{}' })))
  return { status: 200, body: '{}' }
})

function get(client: RawClient, target: string, { key }: TestKey) {
  client.request('GET', target, ['Authorization', `Bearer ${key}`])
  return client.response()
}

async function watch(client: RawClient, { key }: TestKey): Promise<StreamedResponse> {
  client.request('GET', '/api/v1/namespaces/a/pods?watch=true', ['Authorization', `Bearer ${key}`])
  const answer = await client.streamed()
  if (answer.status === 200) await answer.next()
  return answer
}

/** Whether one more event reaches each of them. */
async function areOpen(watches: readonly StreamedResponse[]): Promise<boolean> {
  for (const send of sendMore) send()
  const pieces = await Promise.all(watches.map(answer => answer.next()))
  return pieces.every(piece => piece?.toString() === '{"type":"MODIFIED"}\n')
}

const ready = async () => (await fetch(`${workers.adminUrl}/readyz?verbose`)).text()

const served = (caller: string) => `portcullis_requests_total{caller="${caller}",cluster="prod",verb="get",resource="",code="200"}`

/** A connection to each of them. */
const both = () => Promise.all([workers.connectTo(1), workers.connectTo(2)])

t.test('the two workers are processes of their own and both serve, the primary does not; one line says where', async (t) => {
  for (const client of await both()) t.equal((await get(client, '/x', free)).status, 200)
  t.equal(new Set([workers.primary, ...workers.pids().values()]).size, 3)
  t.strictSame([...workers.pids().keys()].sort(), [1, 2])
  t.equal(workers.lines().filter(({ msg }) => msg === 'listening').length, 1)
})

t.test('readiness and metrics are of both', async (t) => {
  const text = await ready()
  t.match(text, /^\[\+\]workers ok\n/)
  t.match(text, /\[\+\]cluster prod reachable ok\n/)
  t.match(text, /readyz check passed/)
  const before = await workers.metric(served('few')) ?? 0
  for (const client of await both()) await get(client, '/counted', few)
  t.equal(await workers.metric(served('few')), before + 2)
  t.strictSame([await workers.metric('portcullis_workers'), await workers.metric('portcullis_worker_restarts_total'), await workers.metric('portcullis_config_reload_success')], [2, 0, 1])
})

t.test('limits hold over both together: in flight, streams, requests a second', async (t) => {
  const [one, other] = await both()
  const third = await workers.connectTo(2)
  for (const client of [one, other]) client.request('GET', '/held', ['Authorization', `Bearer ${few.key}`])
  await until(() => held.length === 2)
  t.equal((await get(third, '/x', few)).status, 429)
  for (const release of held.splice(0)) release()
  for (const client of [one, other]) t.equal((await client.response()).status, 200)
  await until(async () => (await get(third, '/x', few)).status === 200)

  const open = await watch(one, few)
  t.equal(open.status, 200)
  t.equal((await watch(other, few)).status, 429)
  one.close()

  const statuses = []
  for (const client of [third, await workers.connectTo(1), third, await workers.connectTo(1)]) statuses.push((await get(client, '/x', seldom)).status)
  t.strictSame(statuses, [200, 200, 200, 429])
})

t.test('a caller that goes away loses its watches on both within a second; the others keep theirs', async (t) => {
  const clients = await both()
  const theirs = await Promise.all((await both()).map(client => watch(client, going)))
  const ours = await Promise.all(clients.map(client => watch(client, free)))
  t.strictSame([...theirs, ...ours].map(({ status }) => status), [200, 200, 200, 200])
  await workers.write('callers.yaml', JSON.stringify({ callers: staying }))
  const written = performance.now()
  t.strictSame(await Promise.all(theirs.map(answer => answer.next())), [undefined, undefined])
  t.comment(`both ended ${Math.round(performance.now() - written)} ms after the file was written`)
  // A busy machine is no broken promise.
  t.ok(performance.now() - written < 5000)
  t.ok(await areOpen(ours))
  for (const client of clients) client.close()
})

t.test('a bad file changes nothing in either, and what needs a restart is said once', async (t) => {
  const config = JSON.parse(await readFile(join(workers.folder, 'portcullis.yaml'), 'utf8')) as Record<string, unknown>
  await workers.write('callers.yaml', 'callers: [ { name: 1 } ]')
  await workers.write('portcullis.yaml', JSON.stringify({ ...config, clusters: [] }))
  for (const worker of [1, 2]) for (const what of ['config', 'callers']) await workers.says(line => line.worker === worker && line.msg.startsWith(`${what} has a fault`))
  t.equal(await workers.metric('portcullis_config_reload_success'), 0)
  for (const client of await both()) t.equal((await get(client, '/x', free)).status, 200)
  await workers.write('callers.yaml', JSON.stringify({ callers: staying }))
  await workers.write('portcullis.yaml', JSON.stringify({ ...config, workers: 3, admin: { port: 1 } }))
  await until(async () => await workers.metric('portcullis_config_reload_success') === 1)
  const { sections } = await workers.says(({ msg }) => msg.endsWith('needs restart'))
  t.strictSame(sections, ['admin', 'workers'])
  t.equal(workers.lines().filter(({ msg }) => msg.endsWith('needs restart')).length, 1)
  t.equal(await workers.metric('portcullis_workers'), 2)
})

t.test('a worker that is killed is replaced and counted; the other goes on, what the dead one served has its end in the log', async (t) => {
  const [one, other] = await both()
  const mine = await watch(one, few)
  const theirs = await watch(other, free)
  const counted = await workers.metric(served('free'))
  const pid = workers.pids().get(1) ?? 0
  process.kill(pid, 'SIGKILL')
  await t.rejects(mine.next(), /cut/)
  await workers.says(({ msg, worker }) => msg === 'worker serves' && worker === 1 && workers.pids().get(1) !== pid)
  t.ok(await areOpen([theirs]))
  t.equal((await get(await workers.connectTo(1), '/x', free)).status, 200)
  t.equal((await watch(await workers.connectTo(1), few)).status, 200, 'what it held of the limits is there again')
  t.strictSame([await workers.metric('portcullis_workers'), await workers.metric('portcullis_worker_restarts_total')], [2, 1])
  t.ok((await workers.metric(served('free')) ?? 0) >= (counted ?? Infinity), 'what it counted stays counted')
  t.match(await ready(), /readyz check passed/)
  const [auditId] = mine.all('audit-id')
  await until(async () => (await allAudited()).some(({ auditID, stage }) => auditID === auditId && stage === 'Panic'))
})

t.test('a worker that dies while a changed config is refused is replaced by one with the config in force', async (t) => {
  const before = await readFile(join(workers.folder, 'portcullis.yaml'), 'utf8')
  const config = JSON.parse(before) as { clusters: object[] }
  const refusals = (worker: number) => workers.lines().filter(line => line.worker === worker && line.msg.startsWith('config has a fault')).length
  const [first, other] = [refusals(1), refusals(2)]
  await workers.write('portcullis.yaml', JSON.stringify({ ...config, clusters: config.clusters.map(cluster => ({ ...cluster, caFile: 'none.crt' })) }))
  await until(() => refusals(1) > first && refusals(2) > other)
  const pid = workers.pids().get(1) ?? 0
  process.kill(pid, 'SIGKILL')
  await until(() => workers.pids().get(1) !== pid)
  t.equal((await get(await workers.connectTo(1), '/x', free)).status, 200)
  await until(() => refusals(1) > first + 1)
  t.equal(await workers.metric('portcullis_config_reload_success'), 0, 'the new one says as well that the file is bad')
  await workers.write('portcullis.yaml', before)
  await until(async () => await workers.metric('portcullis_config_reload_success') === 1)
})

/** Of all files, whichever were put aside. */
async function allAudited(): Promise<Record<string, unknown>[]> {
  const names = (await readdir(workers.folder)).filter(name => /^audit.*\.log$/.test(name)).sort()
  const texts = await Promise.all(names.map(name => readFile(join(workers.folder, name), 'utf8').catch(() => '')))
  return texts.flatMap(text => text.split('\n').slice(0, -1)).map(line => JSON.parse(line) as Record<string, unknown>)
}

t.test('the audit log of both is whole lines in files of their size, with every request once', async (t) => {
  const clients = await both()
  const answers = await Promise.all(clients.map(async (client) => {
    const ids = []
    for (let i = 0; i < 40; i += 1) ids.push((await get(client, '/logged', free)).all('audit-id')[0])
    return ids
  }))
  const wanted = new Set(answers.flat())
  t.equal(wanted.size, 80)
  await until(async () => (await allAudited()).filter(({ auditID }) => wanted.has(String(auditID))).length >= 80)
  t.equal((await allAudited()).filter(({ auditID }) => wanted.has(String(auditID))).length, 80)
  t.ok((await readdir(workers.folder)).filter(name => /^audit-/.test(name)).length > 3, 'it was put aside in between')
})

t.test('signals to a worker are not for it; one to the primary drains all as one', async (t) => {
  const watches = await Promise.all((await both()).map(client => watch(client, free)))
  for (const pid of workers.pids().values()) for (const signal of ['SIGTERM', 'SIGINT'] as const) process.kill(pid, signal)
  for (const client of await both()) t.equal((await get(client, '/x', free)).status, 200)
  t.ok(await areOpen(watches))
  const ends = watches.map(answer => answer.next())
  process.kill(workers.primary, 'SIGTERM')
  await until(async () => (await ready().catch(() => '')).includes('[-]shutdown failed'))
  t.strictSame(await Promise.all(ends), [undefined, undefined], 'as their protocol ends')
  const ended = performance.now()
  t.equal(await workers.exited, 0)
  t.ok(performance.now() - ended < 20_000, 'a connection that is idle by then is not waited for')
  t.strictSame([...workers.pids().values()].filter(isThere), [])
  const ids = new Set(watches.map(answer => answer.all('audit-id')[0]))
  const last = (await allAudited()).filter(({ auditID, stage }) => ids.has(String(auditID)) && stage === 'ResponseComplete')
  t.match(last, [{ annotations: { 'portcullis.dev/ending': 'drained' } }, { annotations: { 'portcullis.dev/ending': 'drained' } }])
})
