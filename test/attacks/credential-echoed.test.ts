// Upstream puts our bearer token into a response header.
import t, { type Test } from 'tap'
import { startTarget, upstreamToken } from '../support/attack-target.ts'
import { connectHttp2 } from '../support/http2-client.ts'
import { webSocketAccepted, webSocketHeaders } from '../support/upgrades.ts'

const target = await startTarget(t)
const basic = Buffer.from(`sa:${upstreamToken}`).toString('base64')
const echoes = [
  'Authorization', `Bearer ${upstreamToken}`, 'X-Debug', upstreamToken, 'X-Seen', `auth=Bearer ${upstreamToken}; x`, 'Set-Cookie', `t=${encodeURIComponent(upstreamToken)}`,
  'Location', `https://other/?access_token=${upstreamToken}`, 'WWW-Authenticate', `Bearer error="${upstreamToken}"`, 'X-Basic', `Basic ${basic}`,
  'Warning', `299 - "${upstreamToken}"`, upstreamToken, 'as a name',
]
const kept = ['X-Kept', 'yes', 'Content-Type', 'application/json']
const clean = (t: Test, text: string, label: string) => {
  t.notOk(text.includes(upstreamToken), `${label}: not in clear`)
  t.notOk(text.includes(basic), `${label}: nor in base64`)
}

for (const way of ['plain', 'tls'] as const) {
  t.test(`${way}: it does not come back in a header`, async (t) => {
    for (const status of [200, 201, 302, 403, 500]) {
      target.upstream.answer((request) => request.target.includes('marker') ? { status: 200, body: '{}' } : { status, headers: [...echoes, ...kept], body: '{}' })
      const client = await target.connect(way)
      client.request('GET', '/api/v1/namespaces/a/pods', ['Authorization', `Bearer ${target.root.key}`])
      const response = await client.response()
      t.equal(response.status, status)
      t.strictSame(response.all('x-kept'), ['yes'])
      clean(t, response.headers.join('\n'), `${status}`)
    }
  })

  t.test(`${way}: nor with a 101, nor with an upgrade's refusal`, async (t) => {
    for (const switching of [true, false]) {
      target.upstream.answer((request, reply) => {
        if (request.target.includes('marker')) return { status: 200, body: '{}' }
        if (!switching) return { status: 403, headers: echoes, body: '{}' }
        reply.upgrade([...webSocketAccepted('v5.channel.k8s.io'), ...echoes])
      })
      const client = await target.connect(way)
      client.request('GET', '/api/v1/namespaces/a/pods/x/exec?command=sh', ['Authorization', `Bearer ${target.root.key}`, ...webSocketHeaders('v5.channel.k8s.io')])
      const response = await client.response()
      t.equal(response.status, switching ? 101 : 403)
      clean(t, response.headers.join('\n'), switching ? '101' : '403')
      client.close()
    }
  })

  t.test(`${way}: nor out of the discovery cache`, async (t) => {
    target.upstream.answer(() => ({ status: 200, headers: [...echoes, ...kept], body: '{"kind":"APIGroup"}' }))
    for (let round = 0; round < 2; round += 1) {
      const { headers } = await target.send(way, { target: `/apis/${way}.example` })
      clean(t, headers.join('\n'), `round ${round}`)
    }
  })
}

t.test('http2: it does not come back either', async (t) => {
  target.upstream.answer((request) => request.target.includes('marker') ? { status: 200, body: '{}' } : { status: 200, headers: [...echoes, ...kept], body: '{}' })
  const client = await connectHttp2(t, target.tls)
  const { headers } = await client.request('GET', '/api/v1/namespaces/a/pods', { authorization: `Bearer ${target.root.key}` })
  t.equal(headers['x-kept'], 'yes')
  clean(t, JSON.stringify(headers), 'http2')
})

t.test('no sink holds a secret', (t) => target.silentSinks(t, [basic]))
