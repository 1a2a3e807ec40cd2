// A redirect that would lead our token elsewhere: CVE-2020-8559, CVE-2022-3172.
import t from 'tap'
import { startTarget, type Way } from '../support/attack-target.ts'
import { startUpstream } from '../support/recording-upstream.ts'

const target = await startTarget(t)
const elsewhere = await startUpstream(t, { tls: false })
const elsewhereTls = await startUpstream(t)
const requests: readonly (readonly [way: Way, method: string, path: string])[] = [
  ...(['plain', 'tls', 'http2'] as const).flatMap((way) => [
    [way, 'GET', '/api/v1/namespaces/a/pods'], [way, 'GET', '/api/v1/namespaces/a/pods?watch=true'], [way, 'POST', '/api/v1/namespaces/a/pods'],
    [way, 'GET', '/v2/a/b/blobs/sha256:00'], [way, 'GET', '/api/v1/namespaces/a/services/x/proxy/y'], [way, 'GET', '/apis'], [way, 'GET', '/openapi/v2'],
  ] as const),
  ['upgrade', 'GET', '/api/v1/namespaces/a/pods/x/exec'],
]

for (const status of [301, 302, 303, 307, 308]) {
  t.test(`a ${status} is relayed, never followed`, async (t) => {
    for (const [origin, other] of [[elsewhere.url, elsewhere], [elsewhereTls.url, elsewhereTls], [target.upstream.url, undefined]] as const) {
      const location = `${origin}/api/v1/secrets`
      target.upstream.answer((request) => request.target.includes('marker') || request.target.endsWith('secrets')
        ? { status: 200, body: '{}' }
        : { status, message: 'Moved', headers: ['Location', location], body: 'moved' })
      for (const [way, method, path] of requests) {
        const seen = target.upstream.requests.length
        const answered = await target.send(way, { method, target: path })
        const label = `${way} ${method} ${path} to ${origin}`
        if (way !== 'http2') {
          t.equal(answered.status, status, label)
          t.equal(answered.headers[answered.headers.findIndex((name) => name.toLowerCase() === 'location') + 1], location, `${label}: as it was`)
        } else {
          t.equal(answered.body.toString(), 'moved', label)
        }
        t.equal(target.upstream.requests.length, seen + 1, `${label}: asked once`)
      }
      t.equal(other?.connections.length ?? 0, 0, 'nobody called there')
    }
  })
}

t.test('no sink holds a secret', (t) => target.silentSinks(t))
