// The scanner finds what is planted: in what callers get, and in what is written down.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { mkdir, writeFile } from 'node:fs/promises'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { callerEntry } from './attack-target.ts'
import { makeAuthority } from './certificates.ts'
import { connectHttp2 } from './http2-client.ts'
import { keyFor } from './keys.ts'
import { learnAuthorization, watchLeaks } from './leak-watch.ts'
import { startProxy, type TestProxy } from './proxy.ts'
import { connectRaw } from './raw-client.ts'
import { startUpstream, type Handler } from './recording-upstream.ts'
import type { Scope } from './scope.ts'
import { webSocketAccepted, webSocketHeaders } from './upgrades.ts'

const token = 's3cr3t-opaque-value-1234567890'
/** A secret that the proxy has been given, and does not present to this upstream: nothing strips it. */
const other = 'b00tstrap-0ther-opaque-1234567'
const hex = (text: string) => Buffer.from(text).toString('hex')
const { key, ...stored } = keyFor('leaksome')
const pods = '/api/v1/namespaces/a/pods'
const everything = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], acknowledge: ['own-credential', 'run-as-us'] }]

async function start(t: Scope, handler: Handler, name = 'someone'): Promise<TestProxy> {
  const upstream = await startUpstream(t)
  upstream.answer(handler)
  return startProxy(t, {
    upstreams: { prod: upstream }, token, files: { bootstrap: other }, tls: makeAuthority(),
    callers: { callers: [callerEntry(name, { key, ...stored }, everything), { name: `${name}-2`, keys: [], rules: everything }] },
  })
}

async function ask(t: Scope, proxy: TestProxy, target: string, headers: readonly string[] = []) {
  const client = await connectRaw(t, proxy)
  client.request('GET', target, ['Authorization', `Bearer ${key}`, ...headers])
  return client
}

const whole = (body: string | Uint8Array, headers: readonly string[] = []): Handler => () => ({ status: 200, headers, body })

/** What upstream does, and where it is found, over HTTP/1.1. */
const plants: readonly (readonly [name: string, handler: Handler, where: RegExp, form: string])[] = [
  ['in a body', whole(`{"token":"${token}"}`), /data listener.*HTTP\/1\.1/, 'plain'],
  ['in a compressed body', whole(gzipSync(`{"token":"${token}"}`), ['Content-Encoding', 'gzip']), /compressed/, 'plain'],
  ['over two chunks of a stream', (_, reply) => {
    reply.stream()
    reply.chunk(`{"token":"${token.slice(0, 9)}`)
    reply.chunk(`${token.slice(9)}"}`)
    reply.end()
  }, /data listener.*HTTP\/1\.1/, 'plain'],
  ['in base64 in a header', whole('{}', ['X-Debug', `Basic ${Buffer.from(`sa:${other}`).toString('base64')}`]), /data listener.*HTTP\/1\.1/, 'in base64'],
  ['in hex in a header', whole('{}', ['X-Debug', hex(token)]), /data listener.*HTTP\/1\.1/, 'in hex'],
]

for (const [name, handler, where, form] of plants) {
  t.test(`a secret ${name} is found`, async (t) => {
    const scope = scopeOf()
    const proxy = await start(scope, (request, reply) => request.target.startsWith(pods) ? handler(request, reply) : whole('{}')(request, reply))
    const client = await ask(scope, proxy, `${pods}?watch=true`)
    t.equal((await client.response()).status, 200)
    const [found = ''] = await scope.end()
    t.match(found, new RegExp(`^a secret came out: the secret of 30 characters that begins \\w{3}…, ${form}, on `))
    t.match(found, where)
    t.notOk(found.includes(token) || found.includes(other), 'and is not told')
  })
}

t.test('over HTTP/2, in a head and in a body', async (t) => {
  const proxy = await start(t, whole(`{"token":"${token}"}`, ['X-Debug', hex(token)]))
  const [head, body] = [proxy.leaks.expect(/HTTP\/2 head/), proxy.leaks.expect(/HTTP\/2 body/)]
  const client = await connectHttp2(t, proxy)
  await client.request('GET', pods, { authorization: `Bearer ${key}` })
  t.match(head(), [{ form: 'in hex' }])
  t.match(body(), [{ form: 'plain' }])
})

t.test('over a WebSocket tunnel', async (t) => {
  const proxy = await start(t, (_, reply) => {
    const tunnel = reply.upgrade(webSocketAccepted('v5.channel.k8s.io'))
    tunnel.write(Buffer.concat([Buffer.from([0x82, token.length + 1, 1]), Buffer.from(token)]))
  })
  const found = proxy.leaks.expect(/data listener.*HTTP\/1\.1/)
  const client = await ask(t, proxy, `${pods}/x/exec?command=sh`, webSocketHeaders('v5.channel.k8s.io'))
  t.equal((await client.response()).status, 101)
  t.ok(await client.tunnelled())
  t.match(found(), [{ form: 'plain' }])
})

t.test('in the log, the audit log and the metrics', async (t) => {
  // In hex no redaction knows it; what a caller is called is said everywhere, and that one of them has no key, in the log.
  const proxy = await start(t, whole('{}'), hex(other))
  for (const where of [/^the log$/, /^the audit log$/, /^the metrics$/, /admin listener/, /data listener/]) proxy.leaks.expect(where)
  const client = await ask(t, proxy, '/metrics')
  t.equal((await client.response()).status, 403)
  await proxy.metrics()
})

t.test('what the proxy renewed on the way is known from its requests', async (t) => {
  const scope = scopeOf()
  const watch = watchLeaks(scope, [])
  learnAuthorization('Bearer renewed-token-12345')
  learnAuthorization(`Basic ${Buffer.from('admin:the-password-of-it').toString('base64')}`)
  learnAuthorization('Bearer x')
  watch.sink('a sink', 'renewed-token-12345 and x, and the-password-of-it')
  t.equal(watch.expect(/^a sink$/)().length, 2)
  t.strictSame(await scope.end(), [])
})

t.test('a secret in a recording is found, also where it comes out in pieces', async (t) => {
  for (const lines of [[`[0,"o","x ${token}"]`], [`[0,"o","x ${token.slice(0, 9)}"]`, `[1,"o","${token.slice(9)}"]`]]) {
    const scope = scopeOf()
    const proxy = await start(scope, whole('{}'))
    const found = proxy.leaks.expect(/the recording x\.cast/)
    await mkdir(join(proxy.folder, 'recordings'))
    await writeFile(join(proxy.folder, 'recordings', 'x.cast'), `{"version":2}\n${lines.join('\n')}\n`)
    t.strictSame(await scope.end(), [])
    t.ok(found().length > 0)
  }
})

t.test('a leak that was expected and did not come is a fault of its own', async (t) => {
  const scope = scopeOf()
  watchLeaks(scope, [token]).expect(/the log/)
  t.strictSame(await scope.end(), ['a leak was expected and none was found: /the log/'])
})

t.test('a leak fails the file, though its tests have passed', async (t) => {
  const script = `
    import { watchLeaks } from ${JSON.stringify(new URL('leak-watch.ts', import.meta.url).href)}
    watchLeaks({ teardown: (stop) => { process.once('beforeExit', stop) } }, ['${token}']).sink('the log', 'x ${token} y')
  `
  const child = spawn(process.execPath, [...process.execArgv, '--input-type=module', '-e', script], { stdio: ['ignore', 'ignore', 'pipe'] })
  const stderr = child.stderr.toArray()
  t.strictSame(await once(child, 'close'), [1, null])
  t.match(Buffer.concat(await stderr).toString(), /a secret came out: .*, plain, on the log\n$/)
})

t.test('whatever a server writes is heard: informational heads, trailers, corked writes, strings in any encoding', async (t) => {
  const scope = scopeOf()
  const watch = watchLeaks(scope, [token])
  const found = watch.expect(/server/)
  const plain = http.createServer((_, response) => {
    response.writeEarlyHints({ 'link': '</x>; rel=preload', 'x-hint': token })
    response.writeHead(200, { trailer: 'x-token' })
    response.addTrailers({ 'x-token': token })
    response.cork()
    response.write(Buffer.from(token).toString('hex'), 'hex')
    response.write('and')
    response.uncork()
    response.end(Buffer.from(token, 'utf16le'))
  })
  const second = http2.createServer()
  second.on('stream', (stream) => {
    stream.additionalHeaders({ ':status': 103, 'x-hint': token })
    stream.respond({ ':status': 200 }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-token': token }))
    stream.end('{}')
  })
  for (const [server, name] of [[plain, 'the first server'], [second, 'the second server']] as const) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    await watch.port(portOf(server), name)
  }
  const client = await connectRaw(t, { port: portOf(plain) })
  client.request('GET', '/', ['Connection', 'close'])
  await client.closed()
  const session = http2.connect(`http://127.0.0.1:${portOf(second)}`)
  const request = session.request({ ':path': '/' })
  request.resume()
  await once(request, 'close')
  session.destroy()
  const where = (name: string) => found().filter((leak) => leak.where.startsWith(name)).map((leak) => `${leak.form} ${leak.where.replace(/.*in an /, '')}`)
  t.strictSame(where('the first'), ['plain HTTP/1.1 connection', 'plain HTTP/1.1 connection', 'in UTF-16 HTTP/1.1 connection', 'plain HTTP/1.1 connection'])
  t.strictSame(where('the second'), ['plain HTTP/2 head', 'plain HTTP/2 trailer'])
  t.strictSame(await scope.end(), [])
})

function portOf(server: { address(): unknown }): number {
  return (server.address() as AddressInfo).port
}

/** A test of its own, ended by hand. */
function scopeOf() {
  const stops: (() => unknown)[] = []
  const errors: Error[] = []
  return {
    teardown: (stop: () => unknown) => { stops.unshift(stop) },
    leaked: (error: Error) => { errors.push(error) },
    /** What was found, in words. */
    async end(): Promise<string[]> {
      for (const stop of stops) await stop()
      return errors.map(({ message }) => message)
    },
  }
}
