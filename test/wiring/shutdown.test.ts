// The whole of it is closed while something is still under way.
import { once } from 'node:events'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { AuditEvent } from '../../src/audit/event.ts'
import { build } from '../../src/build.ts'
import { readConfig } from '../../src/config/load.ts'
import { HeldSecrets } from '../../src/credentials/held-secrets.ts'
import { createLog } from '../../src/log/log.ts'
import { redactSecrets } from '../../src/redaction/redact.ts'
import { jwt } from '../credentials/tokens.ts'
import { callerEntry } from '../support/attack-target.ts'
import { makePlugin } from '../support/exec-plugin.ts'
import { keyFor } from '../support/keys.ts'
import { startUpstream, type Answer, type Upstream } from '../support/recording-upstream.ts'
import { removeLater } from '../support/scope.ts'

const caller = keyFor('caller00')
const hour = '60m'

/** A proxy before that API server. */
async function start(t: Test, upstream: Upstream) {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-shutdown-'))
  removeLater(t, folder)
  const put = (name: string, text: string) => writeFile(join(folder, name), text, { mode: 0o600 })
  await put('ca', upstream.ca)
  await put('token', 'a-token')
  await put('callers.yaml', JSON.stringify({ callers: [callerEntry('c', caller, [{ nonResourceURLs: ['*'], verbs: ['*'] }])] }))
  const configOf = (...more: object[]) => {
    const { config, faults } = readConfig(join(folder, 'portcullis.yaml'), JSON.stringify({
      listen: { host: '127.0.0.1', port: 0 },
      admin: { port: 0 },
      clusters: [{ name: 'a', server: upstream.url, caFile: 'ca', openshift: false, credential: { tokenFile: 'token' }, timeouts: { response: hour } }, ...more],
      callers: { file: 'callers.yaml' },
      audit: { sinks: [{ file: { path: 'audit.log' } }] },
    }))
    t.strictSame(faults, [])
    return config!
  }
  const proxy = await build(configOf(), { secrets: new HeldSecrets(), log: createLog({ level: 'silent', redact: redactSecrets, destination: { write() {} } }), env: { PATH: process.env.PATH }, nodeMetrics: false })
  const get = (target: string, signal?: AbortSignal) => fetch(`http://127.0.0.1:${proxy.port}${target}`, { headers: { 'X-API-Key': caller.key }, ...signal === undefined ? {} : { signal } })
  const audited = async () => (await readFile(join(folder, 'audit.log'), 'utf8')).trimEnd().split('\n').map(line => JSON.parse(line) as AuditEvent)
  return { proxy, get, configOf, put, audited }
}

/** That target is answered by hand; nothing else is there. */
async function holding(t: Test, target: string) {
  const upstream = await startUpstream(t)
  let answer = (_: Answer) => {}
  const answered = new Promise<Answer>((resolve) => { answer = resolve })
  let asked = () => {}
  const reached = new Promise<void>((resolve) => { asked = resolve })
  upstream.answer((request) => {
    if (request.target !== target) return { status: 404 }
    asked()
    return answered
  })
  return { upstream, answer, reached }
}

t.test('a question of our own that nobody waits for any more holds no shutdown up', async (t) => {
  const { upstream, reached } = await holding(t, '/apis')
  const { proxy, get, audited } = await start(t, upstream)
  const leaves = new AbortController()
  const asking = get('/apis', leaves.signal)
  await reached
  leaves.abort()
  await t.rejects(asking)
  await t.resolves(proxy.close())
  t.match(await audited(), [{ requestURI: '/apis', stage: 'ResponseComplete' }])
  await Promise.all(upstream.connections.map(({ closed }) => closed))
})

t.test('one that a caller waits for is answered first', async (t) => {
  const { upstream, reached, answer } = await holding(t, '/apis')
  const { proxy, get } = await start(t, upstream)
  const asking = get('/apis')
  await reached
  const closed = proxy.close()
  answer({ status: 200, headers: ['Content-Type', 'application/json'], body: '{"kind":"APIGroupList"}' })
  t.equal((await asking).status, 200)
  await closed
})

const opaque = 'opaque-token-0123456789'
const named = jwt({ sub: 'system:serviceaccount:tools:portcullis' })

/** A second cluster, and what its credential is. */
const second = ({ url }: Upstream, credential: object) => ({ name: 'b', server: url, caFile: 'second-ca', openshift: false, credential })

t.test('a change that is being prepared is given up: its plugin ends, and its cluster never lives', async (t) => {
  const [upstream, other] = [await startUpstream(t), await startUpstream(t)]
  const { proxy, configOf, put } = await start(t, upstream)
  await put('second-ca', other.ca)
  const runs = createServer().listen(0, '127.0.0.1')
  t.teardown(() => runs.close())
  await once(runs, 'listening')
  const command = makePlugin(t, `require('node:net').connect(${(runs.address() as AddressInfo).port}, '127.0.0.1')`)
  const applied = t.rejects(proxy.apply(configOf(second(other, { exec: { command, apiVersion: 'client.authentication.k8s.io/v1', timeout: '10m' } }))), /is shutting down/)
  const [plugin] = await once(runs, 'connection') as [Socket]
  const ended = once(plugin.on('error', () => {}).resume(), 'close')
  await proxy.close()
  await applied
  await ended
  t.equal(other.bytes, 0)
})

t.test('clusters that are ready are not put in force any more, whether or not their API server has answered', async (t) => {
  for (const [token, answers] of [[named, true], [opaque, false]] as const) {
    const [upstream, other] = [await startUpstream(t), await startUpstream(t)]
    if (!answers) other.answer(() => 'hold')
    const { proxy, configOf, put } = await start(t, upstream)
    await put('second-ca', other.ca)
    await put('second-token', token)
    const applied = t.rejects(proxy.apply(configOf(second(other, { tokenFile: 'second-token' }))))
    if (answers) await setImmediate()
    else await other.nextRequest()
    await proxy.close()
    await applied
    await Promise.all(other.connections.map(({ closed }) => closed))
    t.strictSame(other.requests.filter(({ target }) => target.includes('watch=true')), [])
  }
})

t.test('nor is one that comes later', async (t) => {
  const { proxy, configOf } = await start(t, await startUpstream(t))
  await proxy.close()
  await t.rejects(proxy.apply(configOf()), /is shutting down/)
})
