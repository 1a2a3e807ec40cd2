import t from 'tap'
import { setImmediate } from 'node:timers/promises'
import { chain, password, secretsOf, startOAuthCase } from '../support/oauth-session.ts'
import type { OAuthStep } from '../support/oauth-server.ts'
import type { Answer } from '../support/recording-upstream.ts'

const minute = 60_000
const json = ['Content-Type', 'application/json']
const moved = (location: string): Answer => ({ status: 302, headers: ['Location', location] })

/** What a server may answer that means us harm, with what we sent in it. */
const echo = encodeURIComponent(password)

const troubles: readonly (readonly [what: string, step: OAuthStep, answer: Answer, message: RegExp])[] = [
  ['asks for nothing', 'challenge', { status: 401, headers: ['Warning', '199 Origin "You must obtain an API token by visiting x"'] }, /does not let users in by name and password: it asks for nothing\. A service account/],
  ['asks for Kerberos', 'challenge', { status: 401, headers: ['WWW-Authenticate', 'Negotiate', 'WWW-Authenticate', 'Bearer realm="basic"'] }, /it asks for Negotiate, Bearer\. /],
  ['sends on to a page', 'challenge', moved('https://idp.example/login?then=x'), /sends the login on to another page/],
  ['sends on to a page with a code', 'password', moved('https://idp.example/login?code=sha256~code'), /sends the login on to another page/],
  ['fails', 'password', { status: 500, body: `Error: ${password}` }, /answered the login with something else than a redirect \(500\)$/],
  ['does not know the client', 'password', { status: 400, headers: json, body: '{"error":"unauthorized_client"}' }, /something else than a redirect \(400: unauthorized_client\)$/],
  ['says in its redirect that it refuses', 'password', moved(`https://x/?error=access_denied&error_description=${echo}`), /refused the login: access_denied$/],
  ['says so in the fragment', 'password', moved(`https://x/#error=${echo}`), /refused the login: an error that OAuth does not know$/],
  ['redirects to nowhere', 'password', { status: 302 }, /something else than a redirect \(302\)$/],
  ['redirects to what is no URL', 'password', moved(`http://[${echo}`), /something else than a redirect \(302\)$/],
  ['answers its code with no', 'token', { status: 400, headers: json, body: `{"error":"invalid_grant","error_description":"${password}"}` }, /gave no token for its code \(400: invalid_grant\)$/],
  ['answers its code with 401', 'token', { status: 401, headers: json, body: `{"error":"${password}"}` }, /gave no token for its code \(401: an error that OAuth does not know\)$/],
  ['answers its code with a page', 'token', { status: 200, body: `<html>${password}` }, /answered with something that is no token$/],
  ['answers its code with a list', 'token', { status: 200, body: `["${password}"]` }, /answered with something that is no token$/],
  ['answers its code with two lines', 'token', { status: 200, body: JSON.stringify({ access_token: `${password}\r\nX: y` }) }, /answered with something that is no token$/],
  ['gives a token of another kind', 'token', { status: 200, body: JSON.stringify({ access_token: 'x', token_type: 'MAC' }) }, /a token of another type than Bearer$/],
  ['gives a life that is no number', 'token', { status: 200, body: JSON.stringify({ access_token: 'x', expires_in: 'soon' }) }, /whose expires_in is no number of seconds$/],
  ['gives a life that is over', 'token', { status: 200, body: JSON.stringify({ access_token: 'x', expires_in: -1 }) }, /whose expires_in is no number of seconds$/],
  ['cuts', 'token', 'cut', /^the OAuth server closed the connection in the middle$/],
  ['says too much', 'token', { status: 200, body: 'x'.repeat(1 << 20 | 1) }, /^the answer of the OAuth server is larger than 1048576 bytes$/],
]

for (const [what, step, answer, message] of troubles) {
  t.test(`an OAuth server that ${what} is told in words, without a secret`, async (t) => {
    const { oauth, credential, logged } = await startOAuthCase(t)
    oauth.answerStep(step, () => answer)
    const error: unknown = await credential.start().catch((thrown: unknown) => thrown)
    t.match((error as Error).message, message)
    t.strictSame(oauth.tokens, [])
    t.equal(credential.facts().trouble, (error as Error).message)
    t.throws(() => credential.present(), { name: 'ProxyError' })
    const told = [...chain(error), logged(), JSON.stringify(credential.facts())].join('\n')
    for (const secret of secretsOf(oauth)) t.notOk(told.includes(secret), 'no secret')
    t.notMatch(told, /code_verifier|code=/)
  })
}

const where = 'https://oauth.example'
const endpoints = { issuer: where, authorization_endpoint: `${where}/a`, token_endpoint: `${where}/t` }
const metadata: readonly (readonly [what: string, answer: Answer, message: RegExp])[] = [
  ['has none', { status: 404, body: '404 page not found' }, /^the API server tells of no OAuth server \(404 at \/\.well-known\/oauth-authorization-server\): is it OpenShift/],
  ['forbids it', { status: 403 }, /^the API server tells nobody without a credential where its OAuth server is \(403/],
  ['wants to know who asks', { status: 401, headers: ['WWW-Authenticate', 'Basic'] }, /^the API server tells nobody without a credential where its OAuth server is \(401/],
  ['redirects', moved(`${where}/x`), /^the API server tells of no OAuth server \(302/],
  ['answers with a page', { status: 200, body: '<html>' }, /is no JSON object/],
  ['answers with null', { status: 200, body: 'null' }, /is no JSON object/],
  ['leaves out an endpoint', { status: 200, body: JSON.stringify({ ...endpoints, token_endpoint: undefined }) }, /has no token_endpoint that is a URL$/],
  ['names what is no URL', { status: 200, body: JSON.stringify({ ...endpoints, issuer: 'oauth' }) }, /has no issuer that is a URL$/],
  ['names an endpoint in the clear', { status: 200, body: JSON.stringify({ ...endpoints, authorization_endpoint: 'http://oauth.example/a' }) }, /^the authorization_endpoint of the OAuth server is refused: it is not https$/],
  ['names a token endpoint in the clear', { status: 200, body: JSON.stringify({ ...endpoints, token_endpoint: 'http://oauth.example/a' }) }, /^the token_endpoint of the OAuth server is refused: it is not https$/],
]

for (const [what, answer, message] of metadata) {
  t.test(`an API server that ${what} where its OAuth server should be told of: no login, and why`, async (t) => {
    const { oauth, credential, tell } = await startOAuthCase(t)
    tell(answer)
    await t.rejects(credential.start(), { message })
    t.equal(oauth.upstream.bytes, 0)
  })
}

t.test('a wrong password is told as such, and not sent again before it is another or ten minutes are over', async (t) => {
  const { oauth, credential, env, clock, planned, logged } = await startOAuthCase(t)
  env['PASSWORD'] = 'wrong-S3cret'
  const refused = { message: /^the OAuth server 127\.0\.0\.1:\d+ does not take the user name and the password/ }
  await t.rejects(credential.start(), refused)
  t.equal(oauth.upstream.requests.length, 2)
  for (const secret of secretsOf(oauth, 'wrong-S3cret')) t.notOk(logged().includes(secret))

  const again = async (ms: number) => {
    clock.time += ms
    const next = planned.shift()
    if (next === undefined) return t.fail('it is tried again')
    next.run()
    while (planned.length === 0) await setImmediate()
  }
  await again(minute)
  await again(8 * minute)
  t.equal(oauth.upstream.requests.length, 2, 'a directory may lock the account')
  t.match(credential.facts().trouble, refused.message)
  await again(minute)
  t.equal(oauth.upstream.requests.length, 4)
  env['PASSWORD'] = password
  await again(2000)
  t.equal(credential.present().authorization, `Bearer ${oauth.tokens[0]}`)
})

t.test('a clock that was set back does not keep a refusal for longer', async (t) => {
  const { oauth, credential, env, clock } = await startOAuthCase(t)
  env['PASSWORD'] = 'wrong'
  await t.rejects(credential.start())
  oauth.setPassword('portcullis-robot', 'wrong')
  clock.time -= 360 * minute
  await credential.start()
  t.equal(credential.present().authorization, `Bearer ${oauth.tokens[0]}`)
})

t.test('a user name that would take a part of the password with it is refused', async (t) => {
  for (const name of ['a:b', 'a\nb']) {
    const { oauth, credential, env } = await startOAuthCase(t)
    env['USERNAME'] = name
    await t.rejects(credential.start(), { message: /^the user name in the environment variable USERNAME has a colon/ })
    t.equal(oauth.upstream.bytes, 0)
  }
})

t.test('an OAuth server that is not there is a 503 to callers', async (t) => {
  const { oauth, credential } = await startOAuthCase(t)
  await oauth.upstream.close()
  await t.rejects(credential.start(), { code: 'UpstreamUnreachable', message: 'the OAuth server could not be reached' })
  t.throws(() => credential.present(), { code: 'UpstreamUnreachable', message: 'the OAuth server could not be reached' })
})

for (const step of ['challenge', 'password', 'token'] as const) {
  t.test(`an OAuth server that hangs at the ${step} is waited for no longer than for any answer`, async (t) => {
    // Long enough for the steps before it, TLS and all, on a machine that is busy.
    const { oauth, credential } = await startOAuthCase(t, { response: 2000 })
    oauth.answerStep(step, () => 'hold')
    await t.rejects(credential.start(), { code: 'UpstreamTimeout', message: 'the OAuth server did not answer in time' })
  })
}

t.test('an OAuth server that redirects to us with nothing is told so', async (t) => {
  for (const pkce of [true, false]) {
    const { oauth, credential } = await startOAuthCase(t, { oauthServer: { pkce } })
    oauth.answerStep('password', () => moved(`${oauth.url}/oauth/token/implicit?state=`))
    await t.rejects(credential.start(), { message: /answered the login with neither a code, nor a token, nor an error$/ })
  }
})

t.test('a login under way ends with the credential', async (t) => {
  const { oauth, credential, planned, logged } = await startOAuthCase(t, { response: 60_000 })
  oauth.answerStep('challenge', () => 'hold')
  const started = credential.start()
  await oauth.upstream.nextRequest()
  const closed = performance.now()
  credential.close()
  await started
  t.ok(performance.now() - closed < 10_000, 'not when its time is over')
  await oauth.upstream.connections[0]?.closed
  t.equal(planned.length, 0)
  t.equal(logged(), '')
})
