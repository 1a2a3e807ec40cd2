// A refused upgrade that leaves an authenticated tunnel: CVE-2018-1002105.
import t from 'tap'
import { codeOf, startTarget } from '../support/attack-target.ts'
import { spdyHeaders, webSocketHeaders } from '../support/upgrades.ts'

const target = await startTarget(t)
const exec = '/api/v1/namespaces/a/pods/x/exec?command=sh'
const protocols = { websocket: ['GET', webSocketHeaders('v5.channel.k8s.io')], spdy: ['POST', spdyHeaders()] } as const
const status = JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message: 'upstream says no', code: 400 })
const smuggled = (key: string) => `GET /api/v1/secrets HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\n\r\n`

/** Answers to an upgrade that are no 101, as upstream writes them. */
const answers: readonly (readonly [status: number, raw: string])[] = [
  [400, `HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: ${status.length}\r\n\r\n${status}`],
  [403, `HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n${status.length.toString(16)}\r\n${status}\r\n0\r\n\r\n`],
  [404, 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n'],
  [200, `HTTP/1.1 200 OK\r\nContent-Length: ${status.length}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n${status}`],
  [500, `HTTP/1.1 500 Oops\r\nConnection: close\r\nContent-Length: ${status.length}\r\n\r\n${status}`],
]

for (const way of ['plain', 'tls'] as const) {
  for (const [protocol, [method, handshake]] of Object.entries(protocols)) {
    t.test(`${way} ${protocol}: the answer is relayed, the socket closed, nothing more forwarded`, async (t) => {
      for (const [code, raw] of answers) {
        for (const pipelined of [true, false]) {
          const label = `${code}${pipelined ? ' pipelined' : ''}`
          target.upstream.answer((request) => request.target === exec ? raw : { status: 200, body: '{}' })
          const seen = target.upstream.requests.length
          const client = await target.connect(way)
          client.request(method, exec, ['Authorization', `Bearer ${target.root.key}`, ...handshake])
          if (pipelined) client.send(smuggled(target.root.key))
          const response = await client.response()
          t.equal(response.status, code, label)
          t.equal(response.body.toString(), code === 404 ? '' : status, `${label}: upstream's words`)
          if (!pipelined) client.socket.write(smuggled(target.root.key))
          const all = (await client.closed()).toString('latin1')
          t.equal(all.split('HTTP/1.1 ').length, 2, `${label}: one answer, then closed`)
          await target.settle(way)
          const reached = target.upstream.requests.slice(seen).filter((request) => !request.target.includes('marker'))
          t.strictSame(reached.map((request) => request.target), [exec], `${label}: nothing more`)
          await reached[0]?.connection.closed
          t.equal(reached[0]?.connection.bytes, reached[0]?.raw.length, `${label}: not a byte more on that connection`)
        }
      }
    })

    t.test(`${way} ${protocol}: a 101 to something else is no tunnel`, async (t) => {
      const odd = [
        'HTTP/1.1 101 OK\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n', 'HTTP/1.1 101 OK\r\n\r\n', 'HTTP/1.1 101 OK\r\nConnection: Upgrade\r\nUpgrade: x\r\nUpgrade: websocket\r\n\r\n',
        `HTTP/1.1 101 OK\r\nConnection: Upgrade\r\nUpgrade: ${protocol === 'spdy' ? 'websocket' : 'SPDY/3.1'}\r\n\r\n`,
      ]
      for (const raw of odd) {
        target.upstream.answer((request) => request.target === exec ? raw : { status: 200, body: '{}' })
        const client = await target.connect(way)
        client.request(method, exec, ['Authorization', `Bearer ${target.root.key}`, ...handshake])
        client.send('early bytes')
        const response = await client.response()
        t.equal(response.status, 502, JSON.stringify(raw))
        t.equal(codeOf(response.body), 'BadUpstream')
        await client.closed()
        const exchange = target.upstream.requests.findLast((request) => request.target === exec)
        await exchange?.connection.closed
        t.equal(exchange?.connection.bytes, exchange?.raw.length, 'early bytes stayed behind')
      }
    })
  }
}

t.test('no sink holds a secret', (t) => target.silentSinks(t))
