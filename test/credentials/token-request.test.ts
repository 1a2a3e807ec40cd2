import type { Test } from 'tap'
import t from 'tap'
import { createClient } from '../../src/clusters/client.ts'
import { noClaims } from '../../src/credentials/claims.ts'
import { describeCredential } from '../../src/credentials/describe.ts'
import { createTokenRequest, type TokenRequestOptions } from '../../src/credentials/token-request.ts'
import { credentialOf } from '../support/cluster-builders.ts'
import { startUpstream, type Answer } from '../support/recording-upstream.ts'
import { jwt } from './tokens.ts'

const minute = 60_000
const now = Date.parse('2026-11-21T12:00:00Z')
const issuer = 'https://kubernetes.default.svc'
const account = { namespace: 'tools', name: 'privileged' }

interface Asked {
  readonly apiVersion: string
  readonly kind: string
  readonly spec: { readonly audiences?: readonly string[], readonly expirationSeconds?: number }
}

/** A token API that lets in `Bearer bootstrap` alone, and a credential of it under a client with the token that is given. */
async function setUp(t: Test, options: Partial<TokenRequestOptions> & { readonly token?: string, readonly response?: number } = {}) {
  const { token = 'bootstrap', response = 5000, ...rest } = options
  const upstream = await startUpstream(t)
  const asked: Asked[] = []
  const waits: number[] = []
  upstream.answer(async (request) => {
    if (request.all('authorization').join() !== 'Bearer bootstrap') return { status: 401, body: '{"message":"S3cret"}' }
    if (`${request.method} ${request.target}` !== 'POST /api/v1/namespaces/tools/serviceaccounts/privileged/token') return { status: 404, body: '{}' }
    const body = JSON.parse((await request.body).start.toString()) as Asked
    asked.push(body)
    return minted(asked.length, body)
  })
  const bootstrap = credentialOf(token)
  const client = createClient({
    name: 'prod', server: upstream.url, ca: upstream.ca, tlsServerName: undefined, credential: bootstrap, timeouts: { connect: 5000, response },
  })
  const state: { closing?: Promise<void> } = {}
  const close = () => state.closing = client.close()
  const log = { info: () => {}, warn: () => {}, error: () => {} }
  const credential = createTokenRequest({
    bootstrap: { ...client, close }, serviceAccount: account, audiences: [], lifetime: 20 * minute, log, now: () => now, random: () => 0,
    schedule: (ms, run) => {
      waits.push(ms)
      if (ms < 2000) setImmediate(run)
      return () => {}
    },
    ...rest,
  })
  t.teardown(() => credential.close())
  return { upstream, bootstrap, client, credential, asked, waits, state }
}

/** As the API server answers: the end is in the token and beside it. */
function minted(number: number, { spec: { audiences = [issuer], expirationSeconds = 3600 } }: Asked): Answer {
  const iat = now / 1000
  const exp = iat + expirationSeconds
  const claims = {
    aud: audiences, iat, exp, iss: issuer, jti: String(number), sub: 'system:serviceaccount:tools:privileged',
    'kubernetes.io': { namespace: 'tools', serviceaccount: { name: 'privileged', uid: 'u' } },
  }
  return created({ token: jwt(claims), expirationTimestamp: new Date(exp * 1000).toISOString() })
}

function created(status: unknown): Answer {
  return { status: 201, headers: ['Content-Type', 'application/json'], body: JSON.stringify({ kind: 'TokenRequest', status }) }
}

t.test('a token is asked for with the bootstrap one, presented, and asked for anew at 80 % of its life', async (t) => {
  const { upstream, credential, asked, waits } = await setUp(t, { audiences: ['https://k', 'vault'] })
  await credential.start()
  const [request] = upstream.requests
  t.strictSame(request?.all('authorization'), ['Bearer bootstrap'])
  t.strictSame(request?.all('content-type'), ['application/json'])
  t.strictSame(asked, [{
    apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: ['https://k', 'vault'], expirationSeconds: 1200 },
  }])
  t.match(credential.present().authorization, /^Bearer ey/)
  t.match(credential.facts(), {
    kind: 'tokenRequest', source: 'a TokenRequest for tools/privileged with a token for tests', renewal: 'requested again at 80 % of its life',
    claims: { user: 'system:serviceaccount:tools:privileged', account, audience: ['https://k', 'vault'], issuedAt: now, expiresAt: now + 20 * minute },
    trouble: undefined,
  })
  t.strictSame(waits, [16 * minute])
  t.equal(describeCredential(credential.facts()),
    `${credential.facts().source}, of system:serviceaccount:tools:privileged, until 2026-11-21T12:20:00.000Z, issued by ${issuer}, for https://k, vault`)
  t.notMatch(JSON.stringify(credential.facts()), /bootstrap"|eyJ/)
})

t.test('a name with odd characters is one segment of the path', async (t) => {
  const { upstream, credential } = await setUp(t, { serviceAccount: { namespace: 'tools/..', name: 'x?y' } })
  await t.rejects(credential.start(), { message: /^the service account tools\/..\/x\?y does not exist/ })
  t.equal(upstream.requests[0]?.target, '/api/v1/namespaces/tools%2F../serviceaccounts/x%3Fy/token')
})

t.test('what is not configured is not asked for', async (t) => {
  const { credential, asked } = await setUp(t, { lifetime: undefined })
  await credential.start()
  t.strictSame(asked[0]?.spec, {})
})

t.test('a token that lives for less than was asked for is renewed at 80 % of what it got', async (t) => {
  const { upstream, credential, waits } = await setUp(t)
  upstream.answer(() => minted(1, { apiVersion: '', kind: '', spec: { expirationSeconds: 600 } }))
  await credential.start()
  t.strictSame(waits, [8 * minute])
})

t.test('of an opaque token the answer tells the end, and its account is the one that was asked for', async (t) => {
  const { upstream, credential, waits } = await setUp(t)
  upstream.answer(() => created({ token: 'sha256~opaque', expirationTimestamp: '2026-11-21T13:00:00Z' }))
  await credential.start()
  t.equal(credential.present().authorization, 'Bearer sha256~opaque')
  t.match(credential.facts().claims, { user: 'system:serviceaccount:tools:privileged', account, expiresAt: now + 60 * minute, issuedAt: undefined })
  t.strictSame(waits, [48 * minute])
})

t.test('without an account in the config it is the bootstrap\'s own, and one that nobody names is an error', async (t) => {
  const { upstream, credential, client } = await setUp(t, { serviceAccount: undefined })
  upstream.answer(() => created({ token: 'x', expirationTimestamp: '2026-11-21T13:00:00Z' }))
  await credential.start()
  t.equal(upstream.requests[0]?.target, '/api/v1/namespaces/portcullis/serviceaccounts/proxy/token')
  t.equal(credential.facts().source, 'a TokenRequest for its own account with a token for tests')

  const opaque = { ...client.credential, facts: () => ({ ...client.credential.facts(), claims: noClaims }) }
  const nobody = await setUp(t, { serviceAccount: undefined, bootstrap: { ...client, fetch: client.fetch, credential: opaque } })
  await t.rejects(nobody.credential.start(), { message: /does not say which service account it is of: name the one .* in tokenRequest.serviceAccount$/ })
})

t.test('a bootstrap token that is rejected is named as such, and one that was renewed since is tried at once', async (t) => {
  const { credential, bootstrap, upstream } = await setUp(t, { token: 'wrong' })
  await t.rejects(credential.start(), { code: 'CredentialRejected', message: /rejected the credential .*\(tokenEnv, system:serviceaccount:portcullis:proxy: / })
  t.throws(() => credential.present(), { code: 'CredentialRejected' })
  t.equal(upstream.requests.length, 1)

  bootstrap.next = 'bootstrap'
  await credential.start()
  t.match(credential.present().authorization, /^Bearer ey/)
  t.equal(upstream.requests.length, 3)
})

for (const [what, answer, message] of [
  ['a 403', { status: 403, body: '{"message":"S3cret"}' },
    'system:serviceaccount:portcullis:proxy may not request tokens of tools/privileged: grant it, by a Role in namespace tools, '
    + 'verbs [create], apiGroups [""], resources [serviceaccounts/token], resourceNames [privileged]'],
  ['a 404', { status: 404, body: '{"message":"S3cret"}' },
    'the service account tools/privileged does not exist, so there are no tokens of it: was it deleted, or is it in another namespace or cluster?'],
  ['a 500', { status: 500, body: 'S3cret' }, 'the TokenRequest for tools/privileged was answered with status 500'],
  ['a redirect', { status: 302, headers: ['Location', 'https://127.0.0.1:1/S3cret'] }, 'the TokenRequest for tools/privileged was answered with status 302'],
  ...([
    ['no JSON', { status: 201, body: '<html>S3cret' }],
    ['JSON of another kind', { status: 201, body: '["S3cret"]' }],
    ['null', { status: 201, body: 'null' }],
    ['no status', created(undefined)],
    ['a status that is a word', created('S3cret')],
    ['no token', created({ expirationTimestamp: '2026-11-21T13:00:00Z' })],
    ['a token of two words', created({ token: 'S3cret S3cret', expirationTimestamp: '2026-11-21T13:00:00Z' })],
    ['a token that would be two headers', created({ token: 'S3cret\r\nX: y', expirationTimestamp: '2026-11-21T13:00:00Z' })],
    ['an empty token', created({ token: '', expirationTimestamp: '2026-11-21T13:00:00Z' })],
    ['no end', created({ token: 'S3cret' })],
    ['an end that is no time', created({ token: 'S3cret', expirationTimestamp: 'S3cret' })],
  ] as const).map(([what, answer]) => [what, answer, 'the TokenRequest for tools/privileged was answered with something that is no token with an end'] as const),
] as const) {
  t.test(`an answer with ${what} is an error in words that does not repeat it`, async (t) => {
    const { upstream, credential } = await setUp(t)
    upstream.answer(() => answer)
    const error = await credential.start().then(() => undefined, (thrown: Error) => thrown)
    t.equal(error?.message, message)
    t.notMatch(String((error?.cause as Error | undefined)?.message), /S3cret/)
    t.throws(() => credential.present(), { code: 'CredentialRejected', message: /^Portcullis has no credential for this cluster at present/ })
    t.equal(credential.facts().trouble, message)
  })
}

t.test('an answer that is larger than any token is not read on', async (t) => {
  const { upstream, credential } = await setUp(t)
  upstream.answer(() => ({ status: 201, body: 'x'.repeat(1024 * 1024 + 1) }))
  await t.rejects(credential.start(), { code: 'BadUpstream' })
})

t.test('an answer that does not come is given up in time', async (t) => {
  const { upstream, credential } = await setUp(t, { response: 100 })
  upstream.answer(() => 'hold')
  await t.rejects(credential.start(), { code: 'UpstreamTimeout' })
})

t.test('after a 401 to the minted token one more is asked for, however many 401s there are', async (t) => {
  const { credential, asked } = await setUp(t)
  await credential.start()
  const rejected = credential.present()
  t.strictSame(await Promise.all([credential.renew(rejected), credential.renew(rejected)]), [true, true])
  t.not(credential.present().authorization, rejected.authorization)
  t.equal(asked.length, 2)
})

t.test('it closes its bootstrap credential, and gives up what it asked', async (t) => {
  const { upstream, bootstrap, credential, state } = await setUp(t, { response: 600_000 })
  upstream.answer(() => 'hold')
  const started = credential.start()
  const { connection } = await upstream.nextRequest()
  credential.close()
  await started
  await connection.closed
  await state.closing
  t.equal(bootstrap.closed, true)
})
