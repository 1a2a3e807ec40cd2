// An issuer that is down, slow, not who it says, or sends us elsewhere; and callers that would make us ask it without end.
import t, { type Test } from 'tap'
import { codeOf, createAddresses, trustingLoopback } from '../support/attack-target.ts'
import { makeAuthority } from '../support/certificates.ts'
import { jwksOf, signingKey, startIssuer, tokenOf, type IssuerServer, type SigningKey } from '../support/jwts.ts'
import { startProxy, type TestProxy } from '../support/proxy.ts'
import { connectRaw } from '../support/raw-client.ts'
import { startUpstream } from '../support/recording-upstream.ts'

const authority = makeAuthority()
const key = signingKey('one')
const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['list'], namespaces: ['a'] }]

async function start(t: Test, issuer: string, source: object): Promise<TestProxy> {
  const upstream = await startUpstream(t)
  upstream.answer(() => ({ status: 200, body: '{}' }))
  const jwt = { issuer, audience: 'portcullis', caFile: 'issuer-ca.pem', claims: { sub: 'ci' }, ...source }
  return startProxy(t, {
    upstreams: { prod: upstream }, token: 'token-of-the-upstream', files: { 'issuer-ca.pem': authority.ca, 'other-ca.pem': makeAuthority().ca },
    callers: { callers: [{ name: 'ci', rules, jwt }] }, config: { listen: trustingLoopback },
  })
}

const nextAddress = createAddresses()

async function ask(t: Test, proxy: TestProxy, token: string): Promise<{ status: number, code: string | undefined, text: string }> {
  const client = await connectRaw(t, { port: proxy.port })
  client.request('GET', '/api/v1/namespaces/a/pods', ['Authorization', `Bearer ${token}`, ...nextAddress()])
  const { status, body } = await client.response()
  client.close()
  return { status, code: status === 200 ? undefined : codeOf(body), text: body.toString() }
}

const tokenFor = ({ issuer }: Pick<IssuerServer, 'issuer'>, by: SigningKey = key) => tokenOf(by, { iss: issuer, aud: 'portcullis', sub: 'ci' })

async function untilLet(t: Test, proxy: TestProxy, token: string): Promise<void> {
  while ((await ask(t, proxy, token)).status !== 200) await new Promise((resolve) => setImmediate(resolve))
}

for (const [name, source] of [['discovery', { discovery: true }], ['jwksUri', {}]] as const) {
  t.test(`${name}: the keys are fetched once, before and not for each request`, async (t) => {
    const server = await startIssuer(t, authority, key)
    const proxy = await start(t, server.issuer, name === 'jwksUri' ? { jwksUri: server.jwksUri } : source)
    await Promise.all(Array.from({ length: 20 }, async () => t.equal((await ask(t, proxy, tokenFor(server))).status, 200)))
    t.strictSame(server.asked, name === 'jwksUri' ? ['/jwks'] : ['/.well-known/openid-configuration', '/jwks'])
  })
}

t.test('tokens of made-up key ids do not make us ask the issuer', async (t) => {
  const server = await startIssuer(t, authority, key)
  const proxy = await start(t, server.issuer, { jwksUri: server.jwksUri })
  await untilLet(t, proxy, tokenFor(server))
  for (let i = 0; i < 200; i += 1) {
    t.equal((await ask(t, proxy, tokenFor(server, { ...key, id: `made-up-${i}` }))).code, 'UnknownKey')
  }
  t.ok(server.asked.length <= 2, `asked ${server.asked.length} times`)
})

t.test('an issuer that is down holds up no start, and no request for long; when it is there its tokens are taken', async (t) => {
  const server = await startIssuer(t, authority, key)
  const { issuer, jwksUri } = server
  const token = tokenFor(server)
  server.answer((_, response) => response.writeHead(503).end())
  const proxy = await start(t, issuer, { jwksUri })
  const refused = await ask(t, proxy, token)
  t.match(refused, { status: 401, code: 'UnknownKey', text: /cannot be verified at present: the keys of its issuer cannot be had/ })
  t.notMatch(refused.text, 'localhost', 'and nothing of where they are')
  await proxy.logSays(/"trouble":"https:\/\/localhost:\d+\/jwks answered with 503".*keys of an issuer cannot be had/)
  server.answer(undefined)
  await untilLet(t, proxy, token)
  await server.stop()
  t.equal((await ask(t, proxy, token)).status, 200, 'a token that is known')
  t.equal((await ask(t, proxy, tokenOf(key, { iss: issuer, aud: 'portcullis', sub: 'ci', jti: 'another' }))).status, 200, 'and another, by the last good keys')
})

t.test('a token that comes before the keys waits for them', async (t) => {
  const server = await startIssuer(t, authority, key)
  let answer = () => {}
  const asked = new Promise<void>((resolve) => server.answer((_, response) => {
    answer = () => response.end(jwksOf(key))
    resolve()
  }))
  const proxy = await start(t, server.issuer, { jwksUri: server.jwksUri })
  const waiting = ask(t, proxy, tokenFor(server))
  await asked
  answer()
  t.equal((await waiting).status, 200)
})

const evil = signingKey('one')

/** What the log says of an issuer whose keys are not taken. */
const bad: Readonly<Record<string, readonly [RegExp, (server: IssuerServer, elsewhere: IssuerServer) => object]>> = {
  'redirects to other keys': [/answered with 302: redirects are not followed/, (server, elsewhere) => {
    server.answer((_, response) => response.writeHead(302, { location: elsewhere.jwksUri }).end())
    return { jwksUri: server.jwksUri }
  }],
  'redirects the discovery': [/answered with 307/, (server, elsewhere) => {
    server.answer((request, response) => response.writeHead(307, { location: elsewhere.issuer + (request.url ?? '') }).end())
    return { discovery: true }
  }],
  'is discovered as another issuer': [/names another issuer than/, (server, elsewhere) => {
    server.answer((_, response) => response.end(JSON.stringify({ issuer: elsewhere.issuer, jwks_uri: elsewhere.jwksUri })))
    return { discovery: true }
  }],
  'is discovered with a slash more': [/names another issuer than/, (server) => {
    server.answer((_, response) => response.end(JSON.stringify({ issuer: `${server.issuer}/`, jwks_uri: server.jwksUri })))
    return { discovery: true }
  }],
  'has its keys in the clear': [/names a jwks_uri that is not https/, (server) => {
    server.answer((_, response) => response.end(JSON.stringify({ issuer: server.issuer, jwks_uri: server.jwksUri.replace('https', 'http') })))
    return { discovery: true }
  }],
  'has a certificate of somebody else': [/could not be had: (UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET)/, (server) => ({ jwksUri: server.jwksUri, caFile: 'other-ca.pem' })],
  'has a certificate that nobody public vouches for': [/could not be had: (UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET)/, (server) => ({ jwksUri: server.jwksUri, caFile: undefined })],
  'answers without an end': [/answered with more than 524288 bytes/, (server) => {
    server.answer((_, response) => {
      const more = () => { while (!response.destroyed && response.write('x'.repeat(65_536))) { /* until it is full */ } }
      response.on('drain', more)
      more()
    })
    return { jwksUri: server.jwksUri }
  }],
  'answers with what is no JSON': [/is no JSON Web Key Set/, (server) => {
    server.answer((_, response) => response.end('<html>'))
    return { jwksUri: server.jwksUri }
  }],
  'tells its private key': [/holds a private key/, (server) => {
    server.answer((_, response) => response.end(JSON.stringify({ keys: [{ ...evil.privateKey.export({ format: 'jwk' }), kid: 'one' }] })))
    return { jwksUri: server.jwksUri }
  }],
}

for (const [name, [said, prepare]] of Object.entries(bad)) {
  t.test(`an issuer that ${name} has no tokens taken`, async (t) => {
    const elsewhere = await startIssuer(t, authority, evil)
    const server = await startIssuer(t, authority, key)
    const proxy = await start(t, server.issuer, prepare(server, elsewhere))
    for (const by of [key, evil]) t.match(await ask(t, proxy, tokenFor(server, by)), { status: 401, code: 'UnknownKey' })
    await proxy.logSays(said)
    t.strictSame(elsewhere.asked, [], 'and nobody else was asked')
  })
}

t.test('an issuer that has a certificate for another name has no tokens taken', async (t) => {
  const server = await startIssuer(t, { ...authority, issue: () => authority.issue({ names: ['elsewhere.invalid'] }) }, key)
  const proxy = await start(t, server.issuer, { jwksUri: server.jwksUri })
  t.match(await ask(t, proxy, tokenFor(server)), { status: 401, code: 'UnknownKey' })
  await proxy.logSays(/could not be had: ERR_TLS_CERT_ALTNAME_INVALID/)
  t.strictSame(server.asked, [])
})

t.test('NODE_TLS_REJECT_UNAUTHORIZED changes nothing', async (t) => {
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  t.teardown(() => {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
  })
  const server = await startIssuer(t, authority, key)
  const proxy = await start(t, server.issuer, { jwksUri: server.jwksUri, caFile: 'other-ca.pem' })
  t.match(await ask(t, proxy, tokenFor(server)), { status: 401 })
  t.strictSame(server.asked, [])
})

t.test('a shared secret in a set of keys is none', async (t) => {
  const server = await startIssuer(t, authority)
  server.answer((_, response) => response.end(JSON.stringify({ keys: [{ kty: 'oct', k: 'AAAA', kid: 'one', alg: 'HS256' }] })))
  const proxy = await start(t, server.issuer, { jwksUri: server.jwksUri })
  t.match(await ask(t, proxy, tokenFor(server)), { status: 401, text: /signed by a key that its issuer does not have/ })
})
