// The `Upgrade` value is copied to upstream's request: it must not be able to begin another line.
import t from 'tap'
import { http1Ways, startTarget, type Way } from '../support/attack-target.ts'
import { codeOf } from '../support/attack-target.ts'

const target = await startTarget(t)
const path = '/api/v1/namespaces/a/pods/x/exec?command=sh'

const upgrades: readonly (readonly [name: string, line: string])[] = [
  ['bare CR', 'Upgrade: websocket\rX-Injected: y'],
  ['bare LF', 'Upgrade: websocket\nX-Injected: y'],
  ['folded', 'Upgrade: websocket\r\n X-Injected: y'],
  ['NUL', 'Upgrade: websocket\0'],
  ['percent-encoded line end', 'Upgrade: websocket%0d%0aX-Injected: y'],
  ['a name with a space', 'Upgrade : websocket'],
  ['a list', 'Upgrade: WebSocket, h2c'],
  ['two lines', 'Upgrade: websocket\r\nUpgrade: SPDY/3.1'],
  ['another protocol', 'Upgrade: TLS/1.0'],
]

for (const way of http1Ways.filter((way): way is Exclude<Way, 'http2'> => way !== 'http2')) {
  t.test(`${way}: a bad Upgrade value is 400`, async (t) => {
    for (const [name, line] of upgrades) {
      const before = await target.settle(way)
      const client = await target.connect(way)
      const handshake = 'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
      client.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${target.root.key}\r\n${handshake}\r\n${line}\r\n\r\n`)
      const response = await client.response()
      t.equal(response.status, 400, `${name}: status`)
      t.equal(codeOf(response.body), 'MalformedHeader', `${name}: code`)
      await client.closed()
      await target.silent(t, target.proxyOf(way), before, name, 'MalformedHeader')
    }
  })
}

t.test('no sink holds a secret', (t) => target.silentSinks(t))
