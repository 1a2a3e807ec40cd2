// A caller that is over its limit, takes no notice of Retry-After and asks on as fast as it is answered.
import t, { type Test } from 'tap'
import { callerEntry, codeOf, startTarget } from '../support/attack-target.ts'
import { connectHttp2 } from '../support/http2-client.ts'
import { keyFor } from '../support/keys.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { webSocketHeaders } from '../support/upgrades.ts'

const flooder = keyFor('flooder0')
const other = keyFor('other000')
const everything = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] }]
const target = await startTarget(t, { callers: [
  callerEntry('flooder', flooder, everything, { limits: { requestsPerSecond: 0.001 } }),
  callerEntry('other', other, everything),
] })
const pods = '/api/v1/namespaces/a/pods'
/** What one gets at once, and a second beyond it. */
const [atOnce, perSecond] = [100, 200]
const sent = atOnce + 60
/** No more than the pace allows can have been answered before; a busy machine only makes it later. */
const earliest = (sent - atOnce - 2) / perSecond * 1000

const codes = (all: readonly { body: Buffer }[]) => [...new Set(all.map(({ body }) => codeOf(body)))]

async function used(): Promise<void> {
  await target.send('tls', { key: flooder.key })
  await target.send('plain', { key: flooder.key })
}
await used()

t.test('HTTP/2: its answers come at a pace, and another caller on that same connection is served', async (t) => {
  const client = await connectHttp2(t, target.tls)
  const before = target.tls.events().length
  const since = performance.now()
  const flood = Array.from({ length: sent }, () => client.request('GET', pods, { authorization: `Bearer ${flooder.key}` }))
  const answer = await client.request('GET', pods, { authorization: `Bearer ${other.key}` })
  t.equal(answer.status, 200)
  const answers = await Promise.all(flood)
  t.ok(performance.now() - since >= earliest, `${Math.round(performance.now() - since)} ms for all`)
  t.strictSame(codes(answers), ['RateLimited'])
  t.ok(answers.every(({ headers }) => Number(headers['retry-after']) >= 1))
  await target.settle('tls')
  const refused = target.tls.events().slice(before).filter(({ annotations }) => annotations?.['portcullis.dev/code'] === 'RateLimited')
  t.equal(refused.length, sent, 'each is on record, once')
})

async function connectAll(t: Test): Promise<RawClient[]> {
  return Promise.all(Array.from({ length: sent }, () => connectRaw(t, { port: target.plain.port })))
}

for (const [way, headers] of [['HTTP/1.1', []], ['upgrades', webSocketHeaders('v5.channel.k8s.io')]] as const) {
  t.test(`${way}: its answers come at a pace, on however many connections`, async (t) => {
    const clients = await connectAll(t)
    const since = performance.now()
    for (const client of clients) client.request('GET', `${pods}/x/exec?command=sh`, ['Authorization', `Bearer ${flooder.key}`, ...headers])
    const answers = await Promise.all(clients.map((client) => client.response()))
    t.ok(performance.now() - since >= earliest, `${Math.round(performance.now() - since)} ms for all`)
    t.strictSame(codes(answers), ['RateLimited'])
  })

  t.test(`${way}: who leaves while it waits was refused, and is waited for no longer`, async (t) => {
    const clients = await connectAll(t)
    await target.settle('plain')
    const before = target.plain.events().length
    for (const client of clients) {
      client.request('GET', `${pods}/x/exec?command=sh`, ['Authorization', `Bearer ${flooder.key}`, ...headers])
    }
    await clients[0]?.response()
    for (const client of clients) client.socket.destroy()
    const refused = () => target.plain.events().slice(before).filter(({ annotations }) => annotations?.['portcullis.dev/code'] === 'RateLimited').length
    for (let looks = 0; refused() < sent && looks < 200; looks += 1) await target.send('plain', { key: other.key })
    t.equal(refused(), sent, 'each is on record, once')
  })
}

t.test('no sink holds a secret', async (t) => {
  await target.silentSinks(t, [flooder.key, other.key])
})
