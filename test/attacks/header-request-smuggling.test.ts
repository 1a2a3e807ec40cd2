// CL/TE desync (CVE-2024-27982 and kin): bytes that one parser takes for a body and the next for a request.
import t from 'tap'
import { codeOf, startTarget } from '../support/attack-target.ts'

const target = await startTarget(t)
const smuggled = 'GET /api/v1/secrets HTTP/1.1\r\nHost: a\r\n\r\n'

/** Each is sent as it is, `KEY` replaced, with a second request behind that must not be taken for one. */
const heads: readonly (readonly [name: string, head: string, body: string])[] = [
  ['a space before Content-Length', 'POST /p HTTP/1.1\r\nHost: a\r\nKEY\r\n Content-Length: 41\r\n\r\n', smuggled],
  ['a space before the colon', 'POST /p HTTP/1.1\r\nHost: a\r\nKEY\r\nContent-Length : 41\r\n\r\n', smuggled],
  ['a first line that is folded', 'POST /p HTTP/1.1\r\n Host: a\r\nKEY\r\nContent-Length: 41\r\n\r\n', smuggled],
  ['bare CR in a value', 'POST /p HTTP/1.1\r\nHost: a\r\nKEY\r\nX: a\rContent-Length: 41\r\n\r\n', smuggled],
  ['bare CR as a line end', 'POST /p HTTP/1.1\r\nHost: a\r\nKEY\r\nX: a\r\rContent-Length: 41\r\n\r\n', smuggled],
  ['NUL in a value', 'POST /p HTTP/1.1\r\nHost: a\r\nKEY\r\nX: a\0b\r\n\r\n', smuggled],
  ['an unknown coding', 'POST /p HTTP/1.1\r\nHost: a\r\nKEY\r\nTransfer-Encoding: xchunked\r\n\r\n', `0\r\n\r\n${smuggled}`],
  ['chunked is not the last', 'POST /p HTTP/1.1\r\nHost: a\r\nKEY\r\nTransfer-Encoding: chunked, identity\r\n\r\n', `0\r\n\r\n${smuggled}`],
  ['chunked twice', 'POST /p HTTP/1.1\r\nHost: a\r\nKEY\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n', `0\r\n\r\n${smuggled}`],
  ['chunked and identity', 'POST /p HTTP/1.1\r\nHost: a\r\nKEY\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n', `0\r\n\r\n${smuggled}`],
  ['gzip, chunked', 'POST /p HTTP/1.1\r\nHost: a\r\nKEY\r\nTransfer-Encoding: gzip, chunked\r\n\r\n', `0\r\n\r\n${smuggled}`],
  ['CL then TE', 'POST /p HTTP/1.1\r\nHost: a\r\nKEY\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n', `0\r\n\r\n${smuggled}`],
  ['TE then CL', 'POST /p HTTP/1.1\r\nHost: a\r\nKEY\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n', `0\r\n\r\n${smuggled}`],
  ['CL 0 and TE', 'POST /p HTTP/1.1\r\nHost: a\r\nKEY\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n', `0\r\n\r\n${smuggled}`],
  ['two CL', 'POST /p HTTP/1.1\r\nHost: a\r\nKEY\r\nContent-Length: 0\r\nContent-Length: 41\r\n\r\n', smuggled],
  ['a signed CL', 'POST /p HTTP/1.1\r\nHost: a\r\nKEY\r\nContent-Length: +41\r\n\r\n', smuggled],
  ['a negative CL', 'POST /p HTTP/1.1\r\nHost: a\r\nKEY\r\nContent-Length: -1\r\n\r\n', smuggled],
  ['a hexadecimal CL', 'POST /p HTTP/1.1\r\nHost: a\r\nKEY\r\nContent-Length: 0x29\r\n\r\n', smuggled],
  ['a CL beyond 64 bits', 'POST /p HTTP/1.1\r\nHost: a\r\nKEY\r\nContent-Length: 18446744073709551657\r\n\r\n', smuggled],
  ['an empty CL', 'POST /p HTTP/1.1\r\nHost: a\r\nKEY\r\nContent-Length:\r\n\r\n', smuggled],
  ['two LF as the end', 'GET /p HTTP/1.1\nHost: a\nKEY\n\n', smuggled],
  ['LF within the head', 'GET /p HTTP/1.1\r\nHost: a\r\nKEY\nX: y\r\n\r\n', smuggled],
  ['HTTP/1.0 with TE', 'POST /p HTTP/1.0\r\nHost: a\r\nKEY\r\nTransfer-Encoding: chunked\r\n\r\n', `0\r\n\r\n${smuggled}`],
  ['HTTP/1.2', 'GET /p HTTP/1.2\r\nHost: a\r\nKEY\r\n\r\n', smuggled],
  ['no Host', 'GET /p HTTP/1.1\r\nKEY\r\n\r\n', smuggled],
  ['two Host', 'GET /p HTTP/1.1\r\nHost: a\r\nHost: b\r\nKEY\r\n\r\n', smuggled],
  ['a name that is no token', 'GET /p HTTP/1.1\r\nHost: a\r\nKEY\r\nContent\x0bLength: 41\r\n\r\n', smuggled],
  ['an empty name', 'GET /p HTTP/1.1\r\nHost: a\r\nKEY\r\n: 41\r\n\r\n', smuggled],
]

for (const way of ['plain', 'tls'] as const) {
  t.test(`${way}: a head that parsers cut differently is 400, and nothing behind it is a request`, async (t) => {
    for (const [name, head, body] of heads) {
      const before = await target.settle(way)
      const client = await target.connect(way)
      client.send(head.replace('/p', '/api/v1/namespaces/a/pods').replace('KEY', `Authorization: Bearer ${target.root.key}`) + body)
      const answers = (await client.closed()).toString('latin1')
      t.match(answers, /^HTTP\/1\.1 400 /, `${name}: 400`)
      t.equal(answers.split('HTTP/1.1 ').length, 2, `${name}: one answer, then closed`)
      t.equal(codeOf(Buffer.from(answers.slice(answers.indexOf('\r\n\r\n') + 4))), 'MalformedHeader', `${name}: code`)
      await target.silent(t, target.proxyOf(way), before, name, 'MalformedHeader')
    }
  })

  t.test(`${way}: a request that is refused for what came with it, behind it, does not go up`, async (t) => {
    for (const [name, request] of [
      ['without a body', 'DELETE /api/v1/namespaces/a/pods/x HTTP/1.1\r\nHost: a\r\nKEY\r\n\r\nNO HTTP\r\n'],
      ['a chunk that is none', 'POST /api/v1/namespaces/a/pods HTTP/1.1\r\nHost: a\r\nKEY\r\nTransfer-Encoding: chunked\r\n\r\nNO CHUNK\r\n'],
    ] as const) {
      const before = await target.settle(way)
      const client = await target.connect(way)
      client.send(request.replace('KEY', `Authorization: Bearer ${target.root.key}`))
      t.match((await client.closed()).toString('latin1'), /^HTTP\/1\.1 400 /, `${name}: 400`)
      await target.silent(t, target.proxyOf(way), before, name, 'MalformedHeader')
    }
  })

  t.test(`${way}: HTTP/0.9 has no head, so no key, and nothing behind it counts`, async (t) => {
    const before = await target.settle(way)
    const client = await target.connect(way)
    client.send(`GET /api/v1/namespaces/a/pods\r\n\r\n${smuggled}`)
    t.notMatch((await client.closed()).toString('latin1'), /HTTP\/1\.1 2|HTTP\/1\.1.*HTTP\/1\.1/s)
    await target.silent(t, target.proxyOf(way), before, way, 'MalformedHeader')
  })

  t.test(`${way}: a bad chunk is never a whole request upstream`, async (t) => {
    const chunks = [
      '4\rX\r\nbody\r\n0\r\n\r\n', '4\nbody\n0\n\n', '4 \r\nbody\r\n0\r\n\r\n', '+4\r\nbody\r\n0\r\n\r\n', '0x4\r\nbody\r\n0\r\n\r\n',
      '4\r\nbodyX\r\n0\r\n\r\n', '4\r\nbody\n0\r\n\r\n', '10000000000000000\r\nbody\r\n0\r\n\r\n', '4;\nbody\r\n0\r\n\r\n', '-1\r\n\r\n',
    ]
    for (const chunk of chunks) {
      const seen = target.upstream.requests.length
      const client = await target.connect(way)
      client.send(`POST /api/v1/namespaces/a/pods HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${target.root.key}\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}${smuggled}`)
      const answers = (await client.closed()).toString('latin1')
      t.notMatch(answers, /HTTP\/1\.1 2/, `${JSON.stringify(chunk)}: no success`)
      await target.settle(way)
      const reached = target.upstream.requests.slice(seen).filter((request) => !request.target.includes('marker'))
      t.notOk(reached.some((request) => request.target.includes('secrets')), `${JSON.stringify(chunk)}: nothing smuggled`)
      for (const request of reached) await t.rejects(request.body, `${JSON.stringify(chunk)}: upstream sees it cut`)
    }
  })

  t.test(`${way}: chunk extensions and trailers stay behind, the body arrives framed once`, async (t) => {
    const client = await target.connect(way)
    const seen = target.upstream.requests.length
    const faults = target.upstream.faults.length
    const head = `POST /api/v1/namespaces/a/pods HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${target.root.key}\r\nTransfer-Encoding: chunked\r\n\r\n`
    client.send(`${head}4;x="GET / HTTP/1.1"\r\nbody\r\n0\r\nAuthorization: Bearer x\r\nImpersonate-User: a\r\n\r\n`)
    const response = await client.response()
    const request = target.upstream.requests[seen]
    if (request === undefined) {
      t.equal(response.status, 400)
      return
    }
    t.match(await request.body, { bytes: 4, start: Buffer.from('body'), trailers: [] })
    t.equal(target.upstream.faults.length, faults)
  })
}

t.test('no sink holds a secret', (t) => target.silentSinks(t))
