import t from 'tap'
import { describeCredential } from '../../src/credentials/describe.ts'
import { stepTimeouts, trustedByNode } from '../../src/credentials/oauth-requests.ts'
import { makeAuthority } from '../support/certificates.ts'
import { password, startOAuthCase, user } from '../support/oauth-session.ts'

const hour = 3_600_000
const basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

t.test('a login is a code for a challenge and the token for the code', async (t) => {
  const { oauth, api, credential, clock } = await startOAuthCase(t)
  await credential.start()
  t.strictSame(oauth.faults, [])
  t.strictSame(credential.present(), { authorization: `Bearer ${oauth.tokens[0]}`, certificate: undefined })
  t.strictSame(api.requests.map(({ method, target }) => `${method} ${target}`), ['GET /.well-known/oauth-authorization-server'])
  t.strictSame(oauth.upstream.requests.map(({ method, target }) => `${method} ${target.replace(/\?.*/, '')}`), [
    'GET /oauth/authorize', 'GET /oauth/authorize', 'POST /oauth/token',
  ])
  const { source, renewal, ...facts } = credential.facts()
  t.match(facts, { kind: 'oauthSession', claims: { user, issuer: oauth.url, account: undefined, issuedAt: clock.time, expiresAt: clock.time + 24 * hour }, trouble: undefined })
  t.equal(source, 'a login with the user name in the environment variable USERNAME and the password in the environment variable PASSWORD')
  t.equal(renewal, 'a new login at 80 % of its life and after a 401')
  t.equal(describeCredential(credential.facts()), `${source}, of ${user}, until 2026-11-22T12:00:00.000Z, issued by ${oauth.url}`)
})

t.test('the password goes to nobody but the authorization endpoint, and there only when asked for', async (t) => {
  const { oauth, api, credential } = await startOAuthCase(t)
  await credential.start()
  const client = `Basic ${Buffer.from('openshift-challenging-client:').toString('base64')}`
  t.strictSame(api.requests.map(request => request.all('authorization')), [[]])
  t.strictSame(oauth.upstream.requests.map(request => request.all('authorization')), [[], [basic], [client]])
  t.strictSame(oauth.upstream.requests.map(request => request.all('x-csrf-token')), [['1'], ['1'], []])
})

t.test('each login proves itself with another verifier', async (t) => {
  const { oauth, credential, clock } = await startOAuthCase(t)
  await credential.start()
  clock.time += hour
  t.equal(await credential.renew(credential.present()), true)
  const challenges = oauth.upstream.requests.map(({ target }) => new URL(target, oauth.url).searchParams.get('code_challenge'))
  t.equal(new Set(challenges).size, 3, 'two, and none at the token endpoint')
  t.equal(credential.present().authorization, `Bearer ${oauth.tokens[1]}`)
  t.strictSame(oauth.faults, [])
})

t.test('an OAuth server without S256 gives the token at once', async (t) => {
  const { oauth, credential, clock } = await startOAuthCase(t, { oauthServer: { pkce: false, expiresIn: 3600 } })
  await credential.start()
  t.strictSame(oauth.faults, [])
  t.equal(oauth.upstream.requests.length, 2)
  t.equal(credential.present().authorization, `Bearer ${oauth.tokens[0]}`)
  t.equal(credential.facts().claims.expiresAt, clock.time + hour)
})

for (const [what, life, end, renewsIn] of [
  ['that says so', 3600, hour, 0.8 * hour],
  ['that does not say is one of 24 h', undefined, 24 * hour, hour],
  ['beyond every date has no end', Number.MAX_SAFE_INTEGER, undefined, undefined],
  ['of 0 has no end, and is renewed after a 401 alone', 0, undefined, undefined],
] as const) {
  t.test(`the life of a token ${what}`, async (t) => {
    const { oauth, credential, clock, planned } = await startOAuthCase(t)
    oauth.answerStep('token', () => ({ status: 200, body: JSON.stringify({ access_token: 'sha256~x', expires_in: life }) }))
    await credential.start()
    const { expiresAt } = credential.facts().claims
    t.equal(expiresAt, end === undefined ? undefined : clock.time + end)
    t.equal(planned[0]?.ms, renewsIn)
  })
}

t.test('a password that was changed is taken at the next login', async (t) => {
  const { oauth, credential, env, clock } = await startOAuthCase(t)
  await credential.start()
  oauth.setPassword(user, 'another')
  env['PASSWORD'] = 'another'
  clock.time += hour
  t.equal(await credential.renew(credential.present()), true)
  t.equal(credential.present().authorization, `Bearer ${oauth.tokens[1]}`)
})

t.test('the password is told before it is used, and let go when the session is closed', async (t) => {
  const told: (readonly string[])[] = []
  const { credential } = await startOAuthCase(t, { hold: secrets => told.push(secrets) })
  await credential.start()
  t.strictSame(told, [[password]])
  credential.close()
  t.strictSame(told, [[password], []])
})

t.test('a session that is closed while the password is read tells of none', async (t) => {
  const told: (readonly string[])[] = []
  const { oauth, credential } = await startOAuthCase(t, { hold: secrets => told.push(secrets) })
  const started = credential.start()
  credential.close()
  await started
  t.strictSame(told, [[]])
  t.equal(oauth.upstream.bytes, 0)
})

t.test('an API server behind a path is asked behind it', async (t) => {
  const { oauth, api } = await startOAuthCase(t)
  const { credential } = await startOAuthCase(t, { server: `${api.url}/k8s/clusters/c-1/`, ca: api.ca + oauth.ca })
  await credential.start()
  t.equal(api.requests[0]?.target, '/k8s/clusters/c-1/.well-known/oauth-authorization-server')
  t.equal(credential.present().authorization, `Bearer ${oauth.tokens[0]}`)
})

t.test('an API server that is its own OAuth server goes by the same name and authority for both', async (t) => {
  const authority = makeAuthority()
  const { oauth } = await startOAuthCase(t, { oauthServer: { tls: authority.issue({ names: ['api.internal'] }), ca: authority.ca } })
  const { credential } = await startOAuthCase(t, { server: oauth.url, ca: oauth.ca, tlsServerName: 'api.internal' })
  await credential.start()
  t.equal(credential.present().authorization, `Bearer ${oauth.tokens[0]}`)
})

t.test('the OAuth server may be of the cluster\'s authority or of one that Node trusts; the API server is of the cluster\'s alone', async (t) => {
  const one = await startOAuthCase(t)
  const trusting = (ca: string, trusted: readonly string[]) => startOAuthCase(t, { server: one.api.url, ca, trusted })
  await (await trusting(one.api.ca, [one.oauth.ca])).credential.start()
  t.equal(one.oauth.tokens.length, 1)
  const before = one.oauth.upstream.bytes + one.api.bytes

  const stranger = (await trusting(makeAuthority().ca, [one.oauth.ca, one.api.ca])).credential
  await t.rejects(stranger.start(), { code: 'BadUpstream', message: 'the TLS certificate of the API server could not be verified' })
  t.equal(one.oauth.upstream.bytes + one.api.bytes, before)
  t.ok(trustedByNode().every(pem => pem.startsWith('-----BEGIN CERTIFICATE-----')))
  t.ok(trustedByNode().length > 0)
})

t.test('an OAuth server that nobody vouches for is not sent a byte', async (t) => {
  const one = await startOAuthCase(t)
  const { credential } = await startOAuthCase(t, { server: one.api.url, ca: one.api.ca })
  await t.rejects(credential.start(), { code: 'BadUpstream', message: 'the TLS certificate of the OAuth server could not be verified' })
  t.equal(one.oauth.upstream.bytes, 0)
})

t.test('a step of a login is waited for as long as the cluster is, and 15 s at most', async (t) => {
  t.strictSame(stepTimeouts({ connect: 5000, response: 70_000 }), { connect: 5000, response: 15_000 })
  t.strictSame(stepTimeouts({ connect: 60_000, response: 200 }), { connect: 15_000, response: 200 })
})
