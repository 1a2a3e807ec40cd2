// Identity cached per connection: two callers on one keep-alive socket or one HTTP/2 session.
import t from 'tap'
import { callerEntry, codeOf, startTarget } from '../support/attack-target.ts'
import { connectHttp2 } from '../support/http2-client.ts'
import { keyFor } from '../support/keys.ts'

const keys = { pods: keyFor('podsonly'), maps: keyFor('mapsonly') }
const rule = (resource: string) => [{ apiGroups: [''], resources: [resource], verbs: ['list'], namespaces: ['a'] }]
const target = await startTarget(t, {
  callers: [callerEntry('pods', keys.pods, rule('pods')), callerEntry('maps', keys.maps, rule('configmaps'))],
})
const path = (resource: string) => `/api/v1/namespaces/a/${resource}`

/** Who asks for what, and the answer: by turns, without a key in between, and after failures. */
const turns: readonly (readonly [key: string | undefined, resource: string, status: number])[] = [
  [keys.pods.key, 'pods', 200], [keys.maps.key, 'pods', 403], [keys.maps.key, 'configmaps', 200], [keys.pods.key, 'configmaps', 403],
  [undefined, 'pods', 401], [keys.pods.key, 'pods', 200], [undefined, 'configmaps', 401], [keyFor('nobody00').key, 'pods', 401],
  [keys.maps.key, 'configmaps', 200], [keys.maps.key, 'pods', 403], [target.root.key, 'secrets', 200], [keys.pods.key, 'secrets', 403],
]
const users: Record<string, string> = { [keys.pods.key]: 'pods', [keys.maps.key]: 'maps', [target.root.key]: 'root' }

for (const way of ['plain', 'tls'] as const) {
  t.test(`${way}: each request on one socket is judged by its own key`, async (t) => {
    const client = await target.connect(way)
    for (const [key, resource, status] of turns) {
      client.request('GET', path(resource), key === undefined ? [] : ['Authorization', `Bearer ${key}`])
      const response = await client.response()
      t.equal(response.status, status, `${resource} ${codeOf(response.body)}`)
      const event = await target.proxyOf(way).event(response.all('audit-id')[0] ?? '')
      if (status !== 401) t.equal(event.user.username, users[key!], 'and recorded as its own')
    }
  })

  t.test(`${way}: also when they are pipelined in one write`, async (t) => {
    const client = await target.connect(way)
    client.send(turns.map(([key, resource]) =>
      `GET ${path(resource)} HTTP/1.1\r\nHost: a\r\n${key === undefined ? '' : `Authorization: Bearer ${key}\r\n`}\r\n`).join(''))
    for (const [, resource, status] of turns) t.equal((await client.response()).status, status, resource)
  })
}

t.test('http2: each stream of one session is judged by its own key, at once', async (t) => {
  const client = await connectHttp2(t, target.tls)
  const answers = await Promise.all(turns.map(([key, resource]) =>
    client.request('GET', path(resource), key === undefined ? {} : { authorization: `Bearer ${key}` })))
  t.strictSame(answers.map(({ status }) => status), turns.map(([, , status]) => status))
})

t.test('no sink holds a secret', (t) => target.silentSinks(t, Object.values(keys).map(({ key }) => key)))
