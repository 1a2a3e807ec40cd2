// How several processes end where nobody asked them to, and how they begin where they cannot.
import { once } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { connect } from 'node:tls'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { callerEntry } from '../support/attack-target.ts'
import { connectHttp2 } from '../support/http2-client.ts'
import { keyFor } from '../support/keys.ts'
import { removeLater } from '../support/scope.ts'
import { startServe } from '../support/serve-process.ts'
import { webSocketHeaders } from '../support/upgrades.ts'
import { until } from '../support/until.ts'
import { isThere, startWorkers } from '../support/workers-process.ts'

const free = keyFor('free0000')
const rules = [{ nonResourceURLs: ['*'], verbs: ['*'] }, { apiGroups: [''], resources: ['pods', 'pods/exec'], verbs: ['*'], namespaces: ['a'] }]
const authorization = `Bearer ${free.key}`
const pods = '/api/v1/namespaces/a/pods'

t.test('TLS, HTTP/2, watches and upgrades in workers, to a crash of one and the end of the primary', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-crash-'))
  removeLater(t, folder)
  await writeFile(join(folder, 'crash.mjs'), 'process.on(\'SIGUSR2\', () => { setImmediate(() => { throw new Error(\'as told\') }) })')
  const workers = await startWorkers(t, {
    tls: true, callers: [callerEntry('free', free, rules)], env: { NODE_OPTIONS: `--import ${join(folder, 'crash.mjs')}` },
    config: { limits: { maxConnections: 8 } },
  })
  workers.upstream.answer((request, reply) => {
    if (request.all('upgrade').length > 0) return reply.upgrade(['Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Accept', 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=']).write(Buffer.from([0x82, 1, 120]))
    if (!request.target.includes('watch=true')) return { status: 200, body: '{}' }
    reply.stream()
    return reply.chunk('{"type":"ADDED"}\n')
  })
  const watch = async (worker: number) => {
    const client = await workers.connectTo(worker)
    client.request('GET', `${pods}?watch=true`, ['Authorization', authorization])
    const answer = await client.streamed()
    t.equal(answer.status, 200)
    await answer.next()
    return answer
  }
  const exec = async (worker: number) => {
    const client = await workers.connectTo(worker)
    client.request('GET', `${pods}/x/exec?command=sh`, ['Authorization', authorization, ...webSocketHeaders()])
    t.equal((await client.response()).status, 101)
    t.strictSame(await client.tunnelled(), Buffer.from([0x82, 1, 120]))
    return client
  }

  await t.test('all of them go up by either worker', async (t) => {
    const client = await connectHttp2(t, { port: workers.port, ca: workers.ca })
    t.equal((await client.request('GET', pods, { authorization })).status, 200)
    client.session.destroy()
    for (const worker of [1, 2]) (await exec(worker)).close()
  })

  await t.test('a worker that crashes ends its watches and tunnels as their protocol does, says why, and is replaced', async (t) => {
    const [watching, tunnel, other] = [await watch(1), await exec(1), await watch(2)]
    const pid = workers.pids().get(1) ?? 0
    process.kill(pid, 'SIGUSR2')
    t.equal(await watching.next(), undefined)
    t.equal((await tunnel.tunnelled())?.[0], 0x88, 'a close frame')
    t.match(await workers.says(({ msg }) => msg === 'crashed'), { level: 'fatal', pid, worker: 1, err: { message: 'as told' } })
    t.match(await workers.says(({ msg }) => msg.startsWith('worker died')), { level: 'error', pid: workers.primary, worker: 1, ended: 1 })
    const [auditId] = watching.all('audit-id')
    await until(async () => (await workers.audited()).some(({ auditID, stage }) => auditID === auditId && stage === 'ResponseComplete'))
    t.notOk((await workers.audited()).some(({ stage }) => stage === 'Panic'), 'its own last words are the last')
    await until(() => workers.pids().get(1) !== pid)
    void other
  })

  await t.test('what is beyond the connections of all together is closed, also where all workers are full', async (t) => {
    const sockets = Array.from({ length: 16 }, () => connect({ port: workers.port, ca: workers.ca, servername: 'localhost' }).on('error', () => {}).resume())
    t.teardown(() => { for (const socket of sockets) socket.destroy() })
    let closed = 0
    for (const socket of sockets) socket.on('close', () => { closed += 1 })
    // One watch is still open.
    await until(() => closed >= 9)
    for (const socket of sockets) socket.destroy()
  })

  await t.test('without a primary they end what is open as its protocol does, and none is left', async (t) => {
    const watches = await Promise.all([1, 2].map(watch))
    process.kill(workers.primary, 'SIGKILL')
    t.strictSame(await Promise.all(watches.map(answer => answer.next())), [undefined, undefined])
    await until(() => ![...workers.pids().values()].some(isThere))
    t.match(await workers.says(({ msg, worker }) => worker === 1 && msg.startsWith('the primary is gone')), { level: 'error' })
  })
})

t.test('what keeps the workers from starting is said once, and nothing runs on', async (t) => {
  const squatter = createServer().listen(0, '127.0.0.1')
  await once(squatter, 'listening')
  t.teardown(() => squatter.close())
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-start-'))
  removeLater(t, folder)
  const write = (name: string, text: string) => writeFile(join(folder, name), text, { mode: 0o600 })
  await write('token', 'a-token')
  const config = (port: number) => JSON.stringify({
    listen: { host: '127.0.0.1', port }, admin: { port: 0 }, workers: 3,
    clusters: [{ name: 'a', server: 'https://127.0.0.1:1', credential: { tokenFile: 'token' }, openshift: false }],
  })
  for (const [callers, port, said] of [
    ['callers: []', (squatter.address() as AddressInfo).port, /^portcullis serve: .*EADDRINUSE/],
    ['callers: [ { name: ci, scopes: [ none ] } ]', 0, /callers\.yaml:1:34 callers\[0\]\.scopes\[0\]: names no scope: none/],
  ] as const) {
    await write('callers.yaml', callers)
    await write('portcullis.yaml', config(port))
    const serve = startServe(t, ['--config', join(folder, 'portcullis.yaml')])
    t.equal(await serve.exited, 1)
    const lines = serve.stderr.trimEnd().split('\n').filter(line => !line.startsWith('{'))
    t.equal(lines.length, 1, serve.stderr)
    t.match(lines[0], said)
  }
})
