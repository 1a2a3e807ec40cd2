// A target that is not origin-form: absolute, authority, asterisk, CONNECT; and TRACE, which would echo our token.
import t from 'tap'
import { codeOf, startTarget } from '../support/attack-target.ts'
import { connectRawHttp2 } from '../support/raw-http2.ts'

const target = await startTarget(t)

for (const way of ['plain', 'tls', 'upgrade'] as const) {
  t.test(`${way}: absolute, authority and asterisk form are 400`, async (t) => {
    for (const path of ['http://other/api', 'https://localhost/api/v1/secrets', 'HTTP://other/', 'other:443', '*', '?x', 'api/v1/secrets', 'ws://other/api']) {
      const before = await target.settle(way)
      const answered = await target.send(way, { target: path })
      t.equal(answered.status, 400, path)
      // Which of the two depends on whether node's parser already refuses it.
      const code = codeOf(answered.body) ?? ''
      t.match(code, /^Malformed(Target|Header)$/, path)
      await target.silent(t, target.proxyOf(way), before, `${way} ${path}`, code)
    }
  })

  t.test(`${way}: CONNECT opens nothing`, async (t) => {
    for (const path of ['other:443', 'localhost:6443', '/api/v1/secrets']) {
      const before = await target.settle(way)
      const answered = await target.send(way, { method: 'CONNECT', target: path })
      t.match(String(answered.status), /^40[05]$/, path)
      await target.silent(t, target.proxyOf(way), before, `${way} CONNECT ${path}`, codeOf(answered.body) ?? '')
    }
  })
}

for (const way of ['plain', 'tls', 'http2'] as const) {
  t.test(`${way}: TRACE and methods that Kubernetes does not know are 405`, async (t) => {
    for (const method of ['TRACE', 'PROPFIND', 'LOCK', 'PURGE', 'SEARCH', 'QUERY']) {
      await target.refused(t, way, { method }, { status: 405, code: 'MethodNotAllowed' }, method)
    }
  })

  t.test(`${way}: methods that no parser knows are refused`, async (t) => {
    for (const method of ['get', 'Get', 'BREW', 'PRI']) {
      const before = await target.settle(way)
      const { status, body } = await target.send(way, { method })
      t.match(String(status), /^40[05]$/, `${method}: ${status}`)
      await target.silent(t, target.proxyOf(way), before, `${way} ${method}`, codeOf(body) ?? '')
    }
  })
}

t.test('http2: CONNECT opens nothing, and :path must be a path', async (t) => {
  const key = ['authorization', `Bearer ${target.root.key}`]
  const before = target.upstream.bytes
  for (const fields of [
    [':method', 'CONNECT', ':authority', 'other:443'],
    [':method', 'GET', ':scheme', 'https', ':authority', 'localhost', ':path', 'https://other/api'],
    [':method', 'GET', ':scheme', 'https', ':authority', 'localhost', ':path', '*'],
    [':method', 'GET', ':scheme', 'https', ':authority', 'localhost', ':path', ''],
    [':method', 'GET', ':scheme', 'https', ':authority', 'localhost', ':path', '/a b'],
    [':method', 'GET', ':scheme', 'https', ':authority', 'localhost', ':path', '/api', ':path', '/version'],
    [':method', 'GET', ':scheme', 'https', ':authority', 'localhost', ':path', '/api\r\nX: y'],
    [':method', 'CONNECT', ':protocol', 'websocket', ':scheme', 'https', ':path', '/api/v1/namespaces/a/pods/x/exec', ':authority', 'localhost'],
  ]) {
    const client = await connectRawHttp2(t, target.tls)
    const outcome = await client.request([...fields, ...key])
    t.ok(outcome.end !== 'complete' || /^(Malformed|MethodNot)/.test(codeOf(outcome.body) ?? ''), `${fields}: ${outcome.end} ${outcome.body}`)
    client.socket.destroy()
  }
  t.equal(target.upstream.bytes, before)
})

t.test('no sink holds a secret', (t) => target.silentSinks(t))
