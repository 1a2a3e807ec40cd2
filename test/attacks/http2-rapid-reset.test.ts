// HTTP/2 rapid reset: CVE-2023-44487.
import t from 'tap'
import { callerEntry, startTarget } from '../support/attack-target.ts'
import { connectHttp2 } from '../support/http2-client.ts'
import { keyFor } from '../support/keys.ts'
import { connectRawHttp2 } from '../support/raw-http2.ts'

const other = keyFor('other000')
const everything = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] }]
const target = await startTarget(t, { callers: [callerEntry('other', other, everything)] })
const pods = '/api/v1/namespaces/a/pods'

for (const [name, key] of [['with a good key', target.root.key], ['with a bad key', 'x'], ['on a watch', target.root.key]] as const) {
  t.test(`1,000 HEADERS and RST_STREAM ${name}: other callers are unaffected`, async (t) => {
    const victim = await connectHttp2(t, target.tls)
    const ask = () => victim.request('GET', pods, { authorization: `Bearer ${other.key}` })
    await ask()
    const attacker = await connectRawHttp2(t, target.tls)
    const path = name === 'on a watch' ? `${pods}?watch=true` : pods
    const fields = [':method', 'GET', ':scheme', 'https', ':authority', 'localhost', ':path', path, 'authorization', `Bearer ${key}`]
    const since = performance.now()
    for (let burst = 0; burst < 10; burst += 1) attacker.resetBurst(100, fields)
    const answers = await Promise.all(Array.from({ length: 20 }, ask))
    t.strictSame([...new Set(answers.map(({ status }) => status))], [200])
    t.ok(performance.now() - since < 5000, `answered in ${Math.round(performance.now() - since)} ms`)
  })
}

t.test('what was reset is not left running upstream', async (t) => {
  const attacker = await connectRawHttp2(t, target.tls)
  target.upstream.answer((request) => request.target.includes('attack') ? 'hold' : { status: 200, body: '{}' })
  attacker.resetBurst(50, [':method', 'GET', ':scheme', 'https', ':authority', 'localhost', ':path', `${pods}?watch=true&attack=1`, 'authorization', `Bearer ${target.root.key}`])
  await target.settle('tls')
  const held = target.upstream.requests.filter((request) => request.target.includes('attack'))
  await Promise.all(held.map((request) => request.connection.closed))
  t.pass(`${held.length} reached upstream, all were let go`)
  t.match(await target.tls.metrics(), /portcullis_streams\{kind="watch"\} 0/)
})

t.test('no sink holds a secret', async (t) => {
  await target.settle('plain')
  await target.silentSinks(t, [other.key])
})
