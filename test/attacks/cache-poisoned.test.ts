// The discovery cache keeps nothing but whole, good documents.
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { startTarget, type Answered } from '../support/attack-target.ts'
import type { Handler } from '../support/recording-upstream.ts'

const target = await startTarget(t)
const json = ['Content-Type', 'application/json']
const good = '{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"x/v1","resources":[],"good":true}'
const whole = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${good.length + 10}\r\n\r\n${good}`

const poisons: Readonly<Record<string, Handler>> = {
  'a 200 with a Status': () => ({ status: 200, headers: json, body: '{"kind":"Status","apiVersion":"v1","status":"Failure","code":403}' }),
  'a Status with spaces and in another order': () => ({ status: 200, headers: json, body: ' {\n "apiVersion": "v1",\n "kind" : "Status" }' }),
  'a 403': () => ({ status: 403, headers: json, body: '{"kind":"Status","code":403}' }),
  'a 404': () => ({ status: 404, headers: json, body: '{"kind":"Status","code":404}' }),
  'a 302': () => ({ status: 302, headers: ['Location', '/elsewhere'], body: '' }),
  'a 206': () => ({ status: 206, headers: [...json, 'Content-Range', 'bytes 0-9/99'], body: good }),
  'a 203': () => ({ status: 203, headers: json, body: good }),
  'a 204': () => ({ status: 204 }),
  'a 500': () => ({ status: 500, headers: json, body: good }),
  'a truncated body': (_, reply) => { reply.raw(whole); reply.cut() },
  'a cut chunked body': (_, reply) => { reply.stream(200, json); reply.chunk(good); reply.cut() },
  'HTML': () => ({ status: 200, headers: ['Content-Type', 'text/html'], body: '<html>login</html>' }),
  'no content type': () => ({ status: 200, body: good }),
  'two content types': () => ({ status: 200, headers: [...json, 'Content-Type', 'text/html'], body: good }),
  'no JSON, said to be': () => ({ status: 200, headers: json, body: '<html>' }),
  'no object': () => ({ status: 200, headers: json, body: '[]' }),
  'an empty body': () => ({ status: 200, headers: json, body: '' }),
  'gzip, half of it': () => ({ status: 200, headers: [...json, 'Content-Encoding', 'gzip'], body: gzipSync(good).subarray(0, 20) }),
  'an unknown encoding': () => ({ status: 200, headers: [...json, 'Content-Encoding', 'x'], body: good }),
  'Cache-Control: no-store': () => ({ status: 200, headers: [...json, 'Cache-Control', 'no-store'], body: good.replace('true', 'false') }),
  'a Set-Cookie': () => ({ status: 200, headers: [...json, 'Set-Cookie', 'a=b'], body: good.replace('true', 'false') }),
}

const cacheHeader = ({ headers }: Answered) => headers[headers.findIndex((name) => name.toLowerCase() === 'x-portcullis-cache') + 1]
let group = 0

for (const way of ['plain', 'tls'] as const) {
  for (const [name, poison] of Object.entries(poisons)) {
    t.test(`${way}: ${name} is never given to the next caller`, async (t) => {
      // A document of its own for each case; gzip is only asked for where the case is about it.
      const path = `/apis/group${group += 1}.example/v1`
      const headers = name.startsWith('gzip') ? ['Accept-Encoding', 'gzip'] : []
      let asked = 0
      target.upstream.answer((request, reply) => {
        if (request.target !== path) return { status: 200, headers: json, body: '{}' }
        asked += 1
        return asked === 1 ? poison(request, reply) : { status: 200, headers: json, body: good }
      })
      await target.send(way, { target: path, headers }).catch(() => { /* cut: the caller knows that it is not whole */ })
      t.equal(asked, 1, 'the poison was served')
      const second = await target.send(way, { target: path, headers })
      t.equal(second.status, 200)
      t.equal(second.body.toString(), good)
      t.equal(asked, 2, 'upstream was asked again')
      const third = await target.send(way, { target: path, headers })
      t.equal(third.body.toString(), good)
      t.equal(cacheHeader(third), 'hit', 'and the good answer was kept')
      t.equal(asked, 2)
    })
  }
}

t.test('what is no discovery is never kept', async (t) => {
  let asked = 0
  target.upstream.answer((request) => { if (!request.target.includes('marker')) asked += 1; return { status: 200, headers: json, body: `{"asked":${asked}}` } })
  for (const path of ['/api/v1/namespaces/a/pods', '/healthz', '/apis/apps/v1/deployments', '/api/v1/namespaces', '/version?x=1', '/apis?watch=1']) {
    const [first, second] = [await target.send('tls', { target: path }), await target.send('tls', { target: path })]
    t.not(first.body.toString(), second.body.toString(), path)
  }
})

t.test('no sink holds a secret', (t) => target.silentSinks(t))
