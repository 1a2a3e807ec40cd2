// JWTs that no issuer signed so: algorithm confusion (CVE-2015-9235), `none`, keys that the token brings along, key ids that are paths.
import t from 'tap'
import { codeOf, startTarget, type Way } from '../support/attack-target.ts'
import { hmacBy, jwkOf, jwksOf, part, seconds, signedBy, signingKey, tokenOf, type Fields } from '../support/jwts.ts'
import { bearerProtocol } from '../support/upgrades.ts'
import { keyFor } from '../support/keys.ts'

const rsa = signingKey('one', 'RS256')
const ec = signingKey('two')
const theirs = signingKey('one', 'RS256')
const mine = signingKey('mine', 'RS256')
const issuer = 'https://ci.invalid'
const others = 'https://others.invalid'
const rules = [{ apiGroups: [''], resources: ['pods', 'pods/exec'], verbs: ['get', 'list', 'create'], namespaces: ['a'] }]
const target = await startTarget(t, {
  manyAddresses: true,
  files: { 'keys.json': jwksOf(rsa, ec), 'others.json': jwksOf(theirs) },
  callers: [
    { name: 'deploy', rules, jwt: { issuer, audience: 'portcullis', jwksFile: 'keys.json', claims: { repository: 'example/app' } } },
    { name: 'other', rules, jwt: { issuer: others, audience: 'portcullis', jwksFile: 'others.json', claims: { repository: 'example/other' } } },
  ],
})

const claims: Fields = { iss: issuer, aud: 'portcullis', sub: 'repo:example/app', repository: 'example/app', iat: seconds(), exp: seconds(600) }
const good = tokenOf(rsa, claims)
const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()
const [head = '', , signature = ''] = good.split('.')
const confused = (secret: string | Buffer, alg = 'HS256') => hmacBy(secret, { alg, typ: 'JWT', kid: 'one' }, claims)
const byMine = (header: Fields) => signedBy(mine, { alg: 'RS256', typ: 'JWT', ...header }, claims)

const forged: Readonly<Record<string, string>> = {
  'HS256 by the public key in PEM': confused(pem),
  'HS256 by the public key in PEM, without its last line break': confused(pem.trimEnd()),
  'HS256 by the public key in DER': confused(rsa.publicKey.export({ type: 'spki', format: 'der' })),
  'HS256 by the JWK': confused(JSON.stringify(jwkOf(rsa))),
  'HS256 by the modulus': confused(String(jwkOf(rsa)['n'])),
  'HS256 by nothing': confused(''),
  'hs256 in small letters': confused(pem, 'hs256'),
  ...Object.fromEntries(['none', 'None', 'NONE', 'nOnE', ''].flatMap((alg) => [
    [`alg ${alg}, without a signature`, `${part({ alg, typ: 'JWT' })}.${part(claims)}.`],
    [`alg ${alg}, with one`, `${part({ alg, typ: 'JWT', kid: 'one' })}.${part(claims)}.${signature}`],
  ])),
  'no algorithm': signedBy(rsa, { typ: 'JWT', kid: 'one' }, claims),
  'algorithm is a list': `${part({ alg: ['RS256'], kid: 'one' })}.${part(claims)}.${signature}`,
  'another algorithm than the key is for': signedBy(rsa, { alg: 'ES256', kid: 'one' }, claims),
  'RS512 said, RS256 done': signedBy(rsa, { alg: 'RS512', kid: 'one' }, claims),
  'the key is in the header': byMine({ jwk: jwkOf(mine), kid: 'mine' }),
  'the key is in the header, under a known id': byMine({ jwk: jwkOf(mine), kid: 'one' }),
  'the header says where keys are': byMine({ jku: 'https://127.0.0.1:1/keys', kid: 'mine' }),
  'the header says where a certificate is': byMine({ x5u: 'https://127.0.0.1:1/cert', x5c: ['MIIB'], kid: 'mine' }),
  'a key id that is a path': byMine({ kid: '../../../../../../dev/null' }),
  'a key id that is a path, by an empty secret': hmacBy('', { alg: 'HS256', kid: '/dev/null' }, claims),
  'a key id that is SQL': byMine({ kid: '\' UNION SELECT \'key' }),
  'a key id that is a member of every object': byMine({ kid: '__proto__' }),
  'a key id that is very long': byMine({ kid: 'x'.repeat(4000) }),
  'a key id that is a number': byMine({ kid: 1 }),
  'a key id that is an object': byMine({ kid: { toString: 'one' } }),
  'a key id that is empty': byMine({ kid: '' }),
  'no key id': byMine({}),
  'an extension that must be known': signedBy(rsa, { alg: 'RS256', kid: 'one', crit: ['exp'], exp: 1 }, claims),
  'an unencoded payload': signedBy(rsa, { alg: 'RS256', kid: 'one', crit: ['b64'], b64: false }, claims),
  'a logout token': signedBy(rsa, { alg: 'RS256', kid: 'one', typ: 'logout+jwt' }, claims),
  'the payload was changed': `${head}.${part({ ...claims, repository: 'example/app', sub: 'other' })}.${signature}`,
  'the header was changed': `${part({ alg: 'RS256', kid: 'one', typ: 'JWT', x: 1 })}.${good.split('.').slice(1).join('.')}`,
  'the signature is cut off': `${good.split('.').slice(0, 2).join('.')}.`,
  'the signature is half': good.slice(0, -100),
  'another issuer signed it, whose key has the same id': tokenOf(theirs, claims),
  'the issuer signed it in the name of another': tokenOf(rsa, { ...claims, iss: others, repository: 'example/other' }),
}

/** How a token comes in. */
const ways: Readonly<Record<string, (token: string) => { way: Way, key: string | null, headers?: string[] }>> = {
  'HTTP/1.1': (token) => ({ way: 'plain', key: token }),
  'HTTP/1.1 over TLS': (token) => ({ way: 'tls', key: token }),
  'HTTP/2': (token) => ({ way: 'http2', key: token }),
  'the WebSocket subprotocol': (token) => ({ way: 'upgrade', key: null, headers: ['Sec-WebSocket-Protocol', bearerProtocol(token)] }),
}

for (const [name, sent] of Object.entries(ways)) {
  t.test(`${name}: what the issuer signed is let in`, async (t) => {
    for (const token of [good, tokenOf(ec, claims), signedBy(rsa, { alg: 'RS256' }, claims), signedBy(rsa, { alg: 'RS256', kid: 'one', typ: 'at+JWT' }, claims)]) {
      const { way, ...attack } = sent(token)
      const { request } = await target.forwarded(way, attack)
      t.notMatch(request.headers.join('\n'), token.split('.')[2]!, 'and the token does not go up')
    }
  })

  t.test(`${name}: a forged token is refused`, async (t) => {
    for (const [what, token] of Object.entries(forged)) {
      const { way, ...attack } = sent(token)
      const { body } = await target.refused(t, way, attack, { status: 401, code: 'UnknownKey' }, what)
      t.notMatch(body.toString(), /Cannot read|TypeError|undefined/, `${what}: in words`)
    }
  })
}

t.test('where a claim is there twice, what is judged is what was verified', async (t) => {
  const twice = (first: string, second: string) => signedBy(rsa, { alg: 'RS256', kid: 'one' },
    `{"iss":"${issuer}","aud":"portcullis","exp":${seconds(600)},"repository":"${first}","repository":"${second}"}`)
  await target.refused(t, 'tls', { key: twice('example/app', 'example/evil') }, { status: 401, code: 'UnknownKey' })
  t.equal((await target.send('tls', { key: twice('example/evil', 'example/app') })).status, 200)
  const issuers = signedBy(theirs, { alg: 'RS256', kid: 'one' },
    `{"iss":"${others}","iss":"${issuer}","aud":"portcullis","exp":${seconds(600)},"repository":"example/app"}`)
  await target.refused(t, 'tls', { key: issuers }, { status: 401, code: 'UnknownKey' }, 'the issuer twice')
})

t.test('a token of an issuer that nobody names is nobody\'s', async (t) => {
  const { body } = await target.refused(t, 'tls', { key: tokenOf(mine, { ...claims, iss: 'https://nobody.invalid' }) }, { status: 401, code: 'UnknownKey' })
  t.match(body.toString(), 'no token of an issuer that it trusts')
})

t.test('a token of more than 16 KiB is not read', async (t) => {
  const huge = tokenOf(rsa, { ...claims, padding: 'x'.repeat(16 * 1024) })
  await target.refused(t, 'tls', { key: huge }, { status: 401, code: 'UnknownKey' }, 'huge')
  t.equal((await target.send('tls', { key: tokenOf(rsa, { ...claims, padding: 'x'.repeat(8 * 1024) }) })).status, 200, 'half of it is')
})

t.test('an encrypted token is nobody\'s', async (t) => {
  await target.refused(t, 'tls', { key: `${part({ alg: 'RSA-OAEP', enc: 'A128GCM' })}.${part('a')}.${part('b')}.${part('c')}.${part('d')}` }, { status: 401, code: 'UnknownKey' })
})

t.test('a token beside a key, or beside itself, is two credentials', async (t) => {
  const { key } = keyFor('nobody00')
  for (const headers of [['Authorization', `Bearer ${good}`, 'X-API-Key', target.root.key], ['Authorization', `Bearer ${good}`, 'Authorization', `Bearer ${good}`], ['Authorization', `Bearer ${good}`, 'X-API-Key', key]]) {
    await target.refused(t, 'tls', { key: null, headers }, { status: 400, code: 'AmbiguousCredential' }, 'two')
  }
})

t.test('a token is taken as bearer alone, and never from the query', async (t) => {
  await target.refused(t, 'tls', { key: null, headers: ['X-API-Key', good] }, { status: 401, code: 'UnknownKey' }, 'X-API-Key')
  await target.refused(t, 'tls', { key: null, headers: ['Authorization', `JWT ${good}`] }, { status: 401, code: 'MissingKey' }, 'another scheme')
  for (const name of ['access_token', 'token', 'jwt', 'id_token']) {
    const { body } = await target.send('tls', { key: null, target: `/api/v1/namespaces/a/pods?${name}=${good}` })
    t.equal(codeOf(body), 'MissingKey', name)
  }
})

t.test('no sink holds a token', (t) => target.silentSinks(t, [good, signature, ...Object.values(forged).flatMap((token) => token.split('.').slice(1).filter((piece) => piece.length > 20))]))
