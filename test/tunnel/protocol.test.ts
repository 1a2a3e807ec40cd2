import t from 'tap'
import { checkSwitch, requestedUpgrade } from '../../src/tunnel/protocol.ts'
import { arrival } from '../support/builders.ts'
import { bearerProtocol, spdyAccepted, spdyHeaders, webSocketAccepted, webSocketHeaders } from '../support/upgrades.ts'

const webSocketWith = (name: string, ...values: string[]): string[] => {
  const headers = webSocketHeaders()
  const at = headers.findIndex((part, i) => i % 2 === 0 && part === name)
  return [...headers.slice(0, at), ...values.flatMap(value => [name, value]), ...headers.slice(at + 2)]
}

t.test('a WebSocket handshake and an upgrade to SPDY/3.1 are known, in any case of letters', async (t) => {
  t.equal(requestedUpgrade(arrival({ rawHeaders: webSocketHeaders('v5.channel.k8s.io') })), 'websocket')
  t.equal(requestedUpgrade(arrival({ rawHeaders: webSocketHeaders('SPDY/3.1+portforward.k8s.io') })), 'websocket')
  t.equal(requestedUpgrade(arrival({ rawHeaders: webSocketWith('Upgrade', 'WebSocket') })), 'websocket')
  t.equal(requestedUpgrade(arrival({ method: 'POST', rawHeaders: spdyHeaders() })), 'spdy')
  t.equal(requestedUpgrade(arrival({ method: 'GET', rawHeaders: ['upgrade', 'spdy/3.1'] })), 'spdy')
})

t.test('every other upgrade is refused', async (t) => {
  const upgrades = [
    ['h2c'], ['WebSocket, h2c'], ['h2c, websocket'], ['websocket,'], ['websocket', 'h2c'], ['websocket', 'websocket'],
    ['SPDY/3.1, SPDY/3'], ['SPDY/3'], ['TLS/1.2'], [''], [], ['websocket/13'], [' websocket'], ['websocket\0'],
  ]
  for (const values of upgrades) {
    const rawHeaders = webSocketWith('Upgrade', ...values)
    t.throws(() => requestedUpgrade(arrival({ rawHeaders })), { code: 'MalformedHeader' }, JSON.stringify(values))
  }
})

t.test('a WebSocket handshake that servers could read differently is refused', async (t) => {
  const table: [string, string[]][] = [
    ['Sec-WebSocket-Version', []], ['Sec-WebSocket-Version', ['8']], ['Sec-WebSocket-Version', ['13, 8']],
    ['Sec-WebSocket-Version', ['13', '13']], ['Sec-WebSocket-Key', []], ['Sec-WebSocket-Key', ['short==']],
    ['Sec-WebSocket-Key', ['dGhlIHNhbXBsZSBub25jZQ==', 'dGhlIHNhbXBsZSBub25jZQ==']],
    ['Sec-WebSocket-Key', ['dGhlIHNhbXBsZSBub25jZQ==,']], ['Sec-WebSocket-Key', ['dGhlIHNhbXBsZSBub25jZSE']],
  ]
  for (const [name, values] of table) {
    const rawHeaders = webSocketWith(name, ...values)
    t.throws(() => requestedUpgrade(arrival({ rawHeaders })), { code: 'MalformedHeader' }, `${name} ${JSON.stringify(values)}`)
  }
})

t.test('a method or an HTTP version that has no upgrade is refused', async (t) => {
  for (const method of ['POST', 'HEAD', 'PUT', 'DELETE', 'CONNECT']) {
    t.throws(() => requestedUpgrade(arrival({ method, rawHeaders: webSocketHeaders() })), { code: 'MalformedHeader' }, method)
  }
  for (const method of ['HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    t.throws(() => requestedUpgrade(arrival({ method, rawHeaders: spdyHeaders() })), { code: 'MalformedHeader' }, method)
  }
  for (const httpVersion of ['1.0', '2.0'] as const) {
    t.throws(() => requestedUpgrade(arrival({ httpVersion, rawHeaders: webSocketHeaders() })), { code: 'MalformedHeader' })
  }
})

t.test('a 101 to what was asked for is good', async (t) => {
  const asked = webSocketHeaders('v5.channel.k8s.io', 'v4.channel.k8s.io')
  checkSwitch('websocket', asked, webSocketAccepted('v4.channel.k8s.io'))
  checkSwitch('websocket', asked, webSocketAccepted())
  checkSwitch('websocket', asked, ['upgrade', 'WebSocket'])
  checkSwitch('spdy', spdyHeaders(), spdyAccepted)
  t.pass('none of them threw')
})

t.test('a 101 to anything else is bad', async (t) => {
  const asked = webSocketHeaders('v5.channel.k8s.io', bearerProtocol('x'))
  const bad: ['websocket' | 'spdy', string[]][] = [
    ['websocket', spdyAccepted], ['spdy', webSocketAccepted()], ['websocket', []], ['websocket', ['Upgrade', 'h2c']],
    ['websocket', ['Upgrade', 'websocket, h2c']], ['websocket', ['Upgrade', 'websocket', 'Upgrade', 'h2c']],
    ['websocket', webSocketAccepted('v4.channel.k8s.io')], ['websocket', webSocketAccepted('v5.channel.k8s.io, v5.channel.k8s.io')],
    ['websocket', webSocketAccepted('V5.channel.k8s.io')], ['websocket', webSocketAccepted(bearerProtocol('x'))],
  ]
  for (const [kind, answered] of bad) {
    t.throws(() => checkSwitch(kind, asked, answered), { code: 'BadUpstream' }, JSON.stringify(answered))
  }
})
