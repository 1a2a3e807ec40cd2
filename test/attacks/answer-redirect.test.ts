// A redirect that would lead our token elsewhere: CVE-2020-8559, CVE-2022-3172.
import t from 'tap'
import { callerEntry, startTarget, upstreamToken, type Way } from '../support/attack-target.ts'
import { keyFor } from '../support/keys.ts'
import { startOAuthServer } from '../support/oauth-server.ts'
import { startProxy } from '../support/proxy.ts'
import { connectRaw } from '../support/raw-client.ts'
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

const caller = keyFor('redirect')
const everything = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], acknowledge: ['own-credential'] }]
const session = { oauthSession: { username: { fromEnv: 'WHO' }, password: { fromFile: 'password' } } }
/** What we ask for ourselves, by credential, and the answers that would lead us away; `to` is where. */
const own: readonly (readonly [what: string, credential: object, redirected: RegExp, oauth: 'challenge' | 'password' | 'token' | undefined])[] = [
  ['what a cluster serves and who we are', { tokenFile: 'token' }, /^/, undefined],
  ['a TokenRequest', { tokenRequest: { bootstrap: { tokenFile: 'token' }, serviceAccount: { namespace: 'a', name: 'b' } } }, /token$/, undefined],
  ['where the OAuth server is', session, /well-known/, undefined],
  ['an OAuth server that asks for no password', session, /^$/, 'challenge'],
  ['an OAuth server that takes it', session, /^$/, 'password'],
  ['the token of a session', session, /^$/, 'token'],
]

for (const [what, credential, redirected, step] of own) {
  t.test(`${what}: nor do we follow one ourselves`, async (t) => {
    for (const status of [301, 302, 303, 307, 308]) {
      const away = { status, headers: ['Location', `${elsewhereTls.url}/oauth/token?code=theirs`], body: '{}' }
      const oauth = await startOAuthServer(t, { users: { robot: 'the-password-of-it' } })
      if (step !== undefined) oauth.answerStep(step, () => away)
      const api = await startUpstream(t)
      api.answer((request) => {
        if (redirected.test(request.target)) return away
        return request.target.startsWith('/.well-known/') ? { status: 200, body: JSON.stringify(oauth.metadata) } : { status: 401 }
      })
      const proxy = await startProxy(t, {
        // Its authority is trusted, so that only not asking keeps us from there.
        upstreams: { prod: { url: api.url, ca: api.ca + oauth.ca + elsewhereTls.ca } }, token: upstreamToken, credential, openshift: 'auto' as never,
        callers: { callers: [callerEntry('c', caller, everything)] }, files: { password: 'the-password-of-it' }, env: { WHO: 'robot' },
      })
      const client = await connectRaw(t, { port: proxy.port })
      for (const target of ['/api/v1/namespaces/a/pods', '/apis']) {
        client.request('GET', target, ['X-API-Key', caller.key])
        await client.response()
      }
      await fetch(`${proxy.adminUrl}/readyz`)
      await proxy.stop()
      t.ok((step === undefined ? api : oauth.upstream).requests.length > 0, `${status}: asked`)
    }
    t.equal(elsewhereTls.connections.length, 0, 'nobody called there')
  })
}

t.test('no sink holds a secret', (t) => target.silentSinks(t))
