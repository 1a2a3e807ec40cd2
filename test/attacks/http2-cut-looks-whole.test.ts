// What was cut off must not look whole: over HTTP/2 an END_STREAM says so, and a reset behind it means nothing (RFC 9113, 8.1).
import { Buffer } from 'node:buffer'
import { PassThrough } from 'node:stream'
import t, { type Test } from 'tap'
import { startTarget } from '../support/attack-target.ts'
import { http2Agents } from '../support/http2-upstream.ts'
import { connectRawHttp2, flag, type } from '../support/raw-http2.ts'
import { startRawHttp2Server, type RawHttp2Connection } from '../support/raw-http2-server.ts'
import { until } from '../support/until.ts'

const target = await startTarget(t)
const path = '/api/v1/namespaces/a/pods/p/log'
const fields = () => [':method', 'GET', ':scheme', 'https', ':authority', 'localhost', ':path', path, 'authorization', `Bearer ${target.root.key}`]

for (const [name, head] of [['with a length', 'Content-Length: 100000'], ['in chunks', 'Transfer-Encoding: chunked']] as const) {
  t.test(`an answer ${name} that the API server broke off is reset`, async (t) => {
    target.upstream.answer((_, reply) => {
      reply.raw(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n${head}\r\n\r\n${name === 'in chunks' ? '5\r\nhello\r\n' : 'hello'}`)
      setTimeout(() => reply.cut(), 100)
      return 'hold'
    })
    const caller = await connectRawHttp2(t, target.tls)
    const outcome = await caller.request(fields())
    t.equal(outcome.body.toString(), 'hello')
    t.equal(outcome.end, 'reset')
  })
}

/** What comes of the body, in order: DATA frames, and how its stream ends. */
function framesOf(connection: RawHttp2Connection): string[] {
  const seen: string[] = []
  let held = Buffer.alloc(0)
  connection.socket.on('data', (bytes: Buffer) => {
    held = Buffer.concat([held, bytes])
    while (held.length >= 9 && held.length >= 9 + held.readUIntBE(0, 3)) {
      const [kind, flags] = [held[3] ?? 0, held[4] ?? 0]
      if (kind === type.DATA && held.readUIntBE(0, 3) > 0) seen.push('DATA')
      if (kind === type.DATA && (flags & flag.END_STREAM) !== 0) seen.push('END_STREAM')
      if (kind === type.RST_STREAM) seen.push('RST_STREAM')
      held = held.subarray(9 + held.readUIntBE(0, 3))
    }
  })
  return seen
}

/** A request whose body has begun to come, over there. */
async function begun(t: Test) {
  const upstream = await startRawHttp2Server(t)
  const body = new PassThrough()
  const told = http2Agents(t, upstream).ask('/', { method: 'POST', body })
  const { connection, id } = await upstream.next()
  const seen = framesOf(connection)
  body.write('half of it')
  await until(() => seen.includes('DATA'))
  return { body, told, connection, id, seen }
}

t.test('a body that its caller broke off is reset on its way up, and never ended', async (t) => {
  const { body, told, seen } = await begun(t)
  body.destroy(new Error('the caller left'))
  t.equal(await told.over, 'error')
  await until(() => seen.includes('RST_STREAM'))
  t.strictSame(seen, ['DATA', 'RST_STREAM'])
})

t.test('what is not wanted any more of a body, once there is an answer, is reset as well', async (t) => {
  const { told, connection, id, seen } = await begun(t)
  connection.headers(id, 403, true)
  t.equal(await told.over, 'end')
  // Node 26 ends it in place of a reset, where nothing keeps it from that.
  await until(() => seen.length > 1)
  t.strictSame(seen, ['DATA', 'RST_STREAM'])
})

t.test('a body that is whole is ended', async (t) => {
  const { body, told, connection, id, seen } = await begun(t)
  body.end()
  await until(() => seen.length > 1)
  connection.headers(id, 200, true)
  t.equal(await told.over, 'end')
  t.strictSame(seen, ['DATA', 'END_STREAM'])
})
