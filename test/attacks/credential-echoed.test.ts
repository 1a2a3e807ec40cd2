// Upstream puts our bearer token into a response header.
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { startTarget, upstreamToken } from '../support/attack-target.ts'
import { connectHttp2 } from '../support/http2-client.ts'
import { webSocketAccepted, webSocketHeaders } from '../support/upgrades.ts'

const target = await startTarget(t)
const basic = Buffer.from(`sa:${upstreamToken}`).toString('base64')
const basicUrl = Buffer.from(`user:${upstreamToken}`).toString('base64url')
const echoes = [
  'Authorization', `Bearer ${upstreamToken}`, 'X-Debug', upstreamToken, 'X-Seen', `auth=Bearer ${upstreamToken}; x`, 'Set-Cookie', `t=${encodeURIComponent(upstreamToken)}`,
  'Location', `https://other/?access_token=${upstreamToken}`, 'WWW-Authenticate', `Bearer error="${upstreamToken}"`, 'X-Basic', `Basic ${basic}`, 'X-Protocol', basicUrl,
  'Warning', `299 - "${upstreamToken}"`, upstreamToken, 'as a name',
]
const kept = ['X-Kept', 'yes', 'Content-Type', 'application/json']
const clean = (t: Test, text: string, label: string) => {
  t.notOk(text.includes(upstreamToken), `${label}: not in clear`)
  t.notOk(text.includes(basic) || text.includes(basicUrl), `${label}: nor in base64`)
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

const json = ['Content-Type', 'application/json']
/** Everything of an answer that is neither its headers nor its body. */
const elsewhere: readonly (readonly [name: string, raw: string])[] = [
  ['the reason phrase', `HTTP/1.1 409 ${upstreamToken}\r\nContent-Length: 2\r\n\r\n{}`],
  ['a reason phrase with its base64', `HTTP/1.1 409 no ${basic}!\r\nContent-Length: 2\r\n\r\n{}`],
  ['an informational head', `HTTP/1.1 103 Early Hints\r\nLink: <${upstreamToken}>\r\n\r\nHTTP/1.1 102 ${upstreamToken}\r\n\r\nHTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\n{}`],
  ['a trailer', `HTTP/1.1 409 Conflict\r\nTrailer: X-Token\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Token: ${upstreamToken}\r\nX-Kept: no\r\n\r\n`],
  ['a chunk extension', `HTTP/1.1 409 Conflict\r\nTransfer-Encoding: chunked\r\n\r\n2;token="${upstreamToken}"\r\n{}\r\n0\r\n\r\n`],
]

for (const [name, raw] of elsewhere) {
  t.test(`it does not come back in ${name}`, async (t) => {
    target.upstream.answer((request, reply) => {
      if (request.target.includes('marker')) return { status: 200, headers: json, body: '{}' }
      reply.raw(raw)
    })
    for (const way of ['plain', 'tls', 'upgrade'] as const) {
      const client = await target.connect(way)
      const path = way === 'upgrade' ? '/api/v1/namespaces/a/pods/x/exec?command=sh' : '/api/v1/namespaces/a/pods'
      client.request('GET', path, ['Connection', 'close', ...target.headersOf(way, {}).filter((text, at, all) => text !== 'Host' && all[at - 1] !== 'Host')])
      const received = (await client.closed()).toString('latin1')
      t.match(received, /^HTTP\/1\.1 409 [^]*\{\}/, `${way}: the answer came`)
      clean(t, received, way)
      t.notMatch(received, /x-token|x-kept|link:/i, `${way}: nor what carried it`)
    }
    const client = await connectHttp2(t, target.tls)
    const stream = client.open('GET', '/api/v1/namespaces/a/pods', { authorization: `Bearer ${target.root.key}` })
    const seen: unknown[] = []
    for (const event of ['headers', 'response', 'trailers']) stream.on(event, (headers) => seen.push([event, headers]))
    stream.resume()
    await once(stream, 'close')
    t.match(seen, [['response', { ':status': 409 }]], 'http2: one head')
    t.equal(seen.length, 1, 'http2: and nothing else')
    clean(t, JSON.stringify(seen), 'http2')
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
