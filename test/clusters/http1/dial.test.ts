// The same over real TLS: what a socket does that a test's own does not.
import { once } from 'node:events'
import net from 'node:net'
import { createSecureContext, type TLSSocket } from 'node:tls'
import t from 'tap'
import { createDial, type DialOptions } from '../../../src/clusters/http1/dial.ts'
import { createHttp1Sender } from '../../../src/clusters/http1/sender.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { startUpstream } from '../../support/recording-upstream.ts'
import { alerts, startRefusingServer } from '../../support/refusing-tls-server.ts'
import type { Scope } from '../../support/scope.ts'
import { callOf, Heard } from '../../support/heard.ts'

function senderTo(t: Scope, { url, ca }: { url: string, ca: string }, { connections, ...more }: Partial<DialOptions> & { connections?: number } = {}) {
  const dial = createDial({ origin: url, servername: '', timeout: 5000, secureContext: createSecureContext({ ca }), ...more })
  const sender = createHttp1Sender({ dial, idle: 60_000, now: () => performance.now(), ...connections === undefined ? {} : { connections } })
  t.teardown(() => sender.destroy())
  return { sender, send: (call = callOf(), heard = new Heard()) => { sender.send(call, heard); return heard } }
}

const large = Buffer.alloc(200_000, 'abcdefghijklm')
const sizeOf = (size: number) => `HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n`

t.test('an answer that ends with its connection comes whole to a handler that pauses, however the records fall', async (t) => {
  const upstream = await startUpstream(t)
  const { send } = senderTo(t, upstream)
  for (const [what, head] of [['by length', `${sizeOf(large.length)}Connection: close\r\n\r\n`], ['by its end', 'HTTP/1.1 200 OK\r\n\r\n']] as const) {
    upstream.answer(({ connection }) => {
      connection.socket.write(head)
      for (let at = 0; at < large.length; at += 9000) connection.socket.write(large.subarray(at, at + 9000))
      connection.socket.end()
    })
    const heard = send(callOf(), new Heard((told, controller) => {
      if (told.kind !== 'data' && told.kind !== 'head') return
      controller.pause()
      setTimeout(() => controller.resume(), told.kind === 'head' ? 50 : 0)
    }))
    t.equal(await heard.over(), 'end', what)
    t.equal(heard.body, large.toString(), what)
  }
})

t.test('a 401 with its FIN in one packet is read by a handler that pauses at its head to ask', async (t) => {
  const upstream = await startUpstream(t)
  const { send } = senderTo(t, upstream)
  for (const body of ['', '{}']) {
    upstream.answer(({ connection }) => { connection.socket.end(`HTTP/1.1 401 No\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`) })
    const heard = send(callOf(), new Heard((told, controller) => {
      if (told.kind !== 'head') return
      controller.pause()
      setTimeout(() => controller.resume(), 30)
    }))
    t.equal(await heard.over(), 'end')
    t.equal(heard.body, body)
  }
})

t.test('records behind an answer, in one packet with it, are not the next one\'s that waits', async (t) => {
  const upstream = await startUpstream(t)
  const { send } = senderTo(t, upstream, { connections: 1 })
  upstream.answer(({ target, connection: { socket } }) => {
    if (target !== '/1') return `${sizeOf(4)}\r\nmine`
    socket.cork()
    socket.write(`${sizeOf(3)}\r\none`)
    socket.write(`${sizeOf(6)}\r\nstolen`)
    socket.uncork()
  })
  const [first, second] = [send(callOf({ target: '/1' })), send(callOf({ target: '/2' }))]
  t.equal(await first.over(), 'end')
  t.equal(await second.over(), 'end')
  t.equal(first.body, 'one')
  t.equal(second.body, 'mine')
  t.equal(upstream.connections.length, 2)
})

t.test('a large body goes up at the pace of the API server, and a reset in its middle is an error', async (t) => {
  const upstream = await startUpstream(t)
  const { Readable } = await import('node:stream')
  const { send } = senderTo(t, upstream)
  const size = large.length * 20
  const heard = send(callOf({ method: 'PUT', headers: ['Host', 'a', 'Content-Length', String(size)], body: Readable.from(Array.from({ length: 20 }, () => large)) }))
  t.equal((await (await upstream.nextRequest()).body).bytes, size)
  t.equal(await heard.over(), 'end')

  upstream.answer(({ connection }) => { connection.cut() })
  const cut = send(callOf({ method: 'PUT', body: Readable.from(Array.from({ length: 20 }, () => large)) }))
  t.match(await cut.over(), /^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/)
})

t.test('whatever fails before a connection is secure fails its request, and the others go on', async (t) => {
  const authority = makeAuthority()
  const refusing = await startUpstream(t, { tls: authority.issue(), ca: authority.ca })
  await refusing.close()
  const refused = senderTo(t, refusing, { connections: 1 })
  const heard = [refused.send(), refused.send(), refused.send()]
  for (const one of heard) t.equal(await one.over(), 'ECONNREFUSED')
  await refusing.listenAgain()
  t.equal(await refused.send().over(), 'end')

  const silent = net.createServer(socket => { socket.on('error', () => {}) }).listen(0, '127.0.0.1')
  t.teardown(() => silent.close())
  await once(silent, 'listening')
  const url = `https://127.0.0.1:${(silent.address() as net.AddressInfo).port}`
  t.equal(await senderTo(t, { url, ca: authority.ca }, { timeout: 20 }).send().over(), 'UND_ERR_CONNECT_TIMEOUT')

  const closing = net.createServer(socket => { socket.on('error', () => {}).destroy() }).listen(0, '127.0.0.1')
  t.teardown(() => closing.close())
  await once(closing, 'listening')
  const closed = senderTo(t, { url: `https://127.0.0.1:${(closing.address() as net.AddressInfo).port}`, ca: authority.ca })
  t.match(await closed.send().over(), /^(ECONNRESET|UND_ERR_SOCKET)$/)

  const dialling = senderTo(t, { url, ca: authority.ca })
  const waits = dialling.send()
  const done = dialling.sender.close()
  await dialling.sender.destroy()
  t.equal(await waits.over(), 'UND_ERR_DESTROYED')
  await done
})

t.test('for how long this process stands still meanwhile is not held against the API server', async (t) => {
  const upstream = await startUpstream(t)
  const heard = senderTo(t, upstream, { timeout: 500 }).send()
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700)
  t.equal(await heard.over(), 'end')
})

t.test('a certificate for another name is refused every time: no session that it left spares the check', async (t) => {
  const authority = makeAuthority()
  const upstream = await startUpstream(t, { tls: authority.issue({ names: ['other.example'] }), ca: authority.ca })
  const { send } = senderTo(t, upstream)
  for (let i = 0; i < 3; i += 1) t.equal(await send().over(), 'ERR_TLS_CERT_ALTNAME_INVALID')
  t.equal(upstream.bytes, 0)
})

t.test('an alert after the handshake is told as such', async (t) => {
  const server = await startRefusingServer(t, { alert: alerts.expired, version: 'TLSv1.3' })
  t.match(await senderTo(t, server).send().over(), /^ERR_SSL_.*_ALERT_CERTIFICATE_EXPIRED$/)
})

t.test('TLS sessions are resumed', async (t) => {
  const upstream = await startUpstream(t)
  const reused: boolean[] = []
  upstream.answer(({ connection }) => {
    reused.push((connection.socket as TLSSocket).isSessionReused())
    return 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'
  })
  const { send } = senderTo(t, upstream)
  for (let i = 0; i < 2; i += 1) {
    await send().over()
    await upstream.connections.at(-1)?.closed
  }
  t.strictSame(reused, [false, true])
})
