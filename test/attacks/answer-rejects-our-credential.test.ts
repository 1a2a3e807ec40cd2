// Upstream says 401 to our token: the caller's key was fine, and upstream's challenge is not for the caller.
import t from 'tap'
import { codeOf, startTarget, type Way } from '../support/attack-target.ts'

const target = await startTarget(t)
const challenge = ['WWW-Authenticate', 'Basic realm="openshift"', 'WWW-Authenticate', 'Negotiate', 'Set-Cookie', 'ssn=1']
const requests: readonly (readonly [way: Way, method: string, path: string])[] = [
  ...(['plain', 'tls', 'http2'] as const).flatMap((way) => [
    [way, 'GET', '/api/v1/namespaces/a/pods'], [way, 'POST', '/api/v1/namespaces/a/pods'], [way, 'GET', '/api/v1/namespaces/a/pods?watch=true'],
    [way, 'GET', '/apis'], [way, 'GET', '/openapi/v3'],
  ] as const),
  ['upgrade', 'GET', '/api/v1/namespaces/a/pods/x/exec?command=sh'],
]

t.test('it becomes a 502 that names our credential, without the challenge', async (t) => {
  target.upstream.answer((request) => request.target.includes('marker')
    ? { status: 200, body: '{}' }
    : { status: 401, message: 'Unauthorized', headers: [...challenge, 'Content-Type', 'application/json'], body: '{"kind":"Status","code":401,"message":"upstream secret words"}' })
  for (const [way, method, path] of requests) {
    const body = method === 'POST' ? { body: '{}' } : {}
    const { status, headers, body: answered } = await target.send(way, { method, target: path, ...body })
    const label = `${way} ${method} ${path}`
    t.equal(status, 502, label)
    t.equal(codeOf(answered), 'CredentialRejected', label)
    t.match(answered.toString(), /portcullis: .*(credential|token)/i, `${label}: says whose`)
    t.notMatch(answered.toString(), /upstream secret words/, label)
    t.notOk(headers.some((name) => /^(www-authenticate|set-cookie|retry-after)$/i.test(name)), `${label}: no challenge`)
  }
})

t.test('the record says so too, as an admitted request', async (t) => {
  const { headers } = await target.send('tls', {})
  const event = await target.tls.event(headers[headers.findIndex((name) => name.toLowerCase() === 'audit-id') + 1] ?? '')
  t.match(event, { responseStatus: { code: 502 }, user: { username: 'root' } })
  t.match(event.annotations, { 'portcullis.dev/code': 'CredentialRejected', 'authorization.k8s.io/decision': 'allow' })
})

t.test('no sink holds a secret', (t) => target.silentSinks(t))
