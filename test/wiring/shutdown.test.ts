// The whole of it is closed while something is still under way.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { build } from '../../src/build.ts'
import { readConfig } from '../../src/config/load.ts'
import { HeldSecrets } from '../../src/credentials/held-secrets.ts'
import { createLog } from '../../src/log/log.ts'
import { callerEntry } from '../support/attack-target.ts'
import { keyFor } from '../support/keys.ts'
import { startUpstream, type Answer, type Upstream } from '../support/recording-upstream.ts'

const caller = keyFor('caller00')
const hour = '60m'

/** A proxy before that API server, which holds its own watches. */
async function start(t: Test, upstream: Upstream) {
  const folder = t.testdir({})
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
  const proxy = await build(configOf(), { secrets: new HeldSecrets(), log: createLog({ level: 'silent' }), env: { PATH: process.env.PATH }, nodeMetrics: false })
  const get = (target: string, signal?: AbortSignal) => fetch(`http://127.0.0.1:${proxy.port}${target}`, { headers: { 'X-API-Key': caller.key }, ...signal === undefined ? {} : { signal } })
  return { proxy, get, configOf, put }
}

/** That target is answered by hand, as all others are not at all. */
async function holding(t: Test, target: string) {
  const upstream = await startUpstream(t)
  let answer = (_: Answer) => {}
  const answered = new Promise<Answer>((resolve) => { answer = resolve })
  let asked = () => {}
  const reached = new Promise<void>((resolve) => { asked = resolve })
  upstream.answer((request) => {
    if (request.target !== target) return 'hold'
    asked()
    return answered
  })
  return { upstream, answer, reached }
}

t.test('a question of our own that nobody waits for any more holds no shutdown up', async (t) => {
  const { upstream, reached } = await holding(t, '/apis')
  const { proxy, get } = await start(t, upstream)
  const leaves = new AbortController()
  const asking = get('/apis', leaves.signal)
  await reached
  leaves.abort()
  await t.rejects(asking)
  await t.resolves(proxy.close())
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
