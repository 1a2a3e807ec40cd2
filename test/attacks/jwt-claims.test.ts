// JWTs that their issuer did sign, but not now, not for us, or not for this caller; and what becomes of what they opened.
import { once } from 'node:events'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startTarget } from '../support/attack-target.ts'
import { startHeldUp } from '../support/held-up.ts'
import { connectHttp2 } from '../support/http2-client.ts'
import { jwksOf, seconds, signedBy, signingKey, tokenOf, type Fields } from '../support/jwts.ts'
import { webSocketHeaders } from '../support/upgrades.ts'

const key = signingKey('one')
const staying = signingKey('two')
const issuer = 'https://ci.invalid'
const rules = [
  { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'], namespaces: ['a'] },
  { apiGroups: [''], resources: ['pods/exec'], verbs: ['create'], namespaces: ['a'] },
]
const jwt = { issuer, audience: ['portcullis', 'portcullis-test'], jwksFile: 'keys.json' }
const deploy = { name: 'deploy', rules, jwt: { ...jwt, claims: { repository: 'example/app', ref: 'refs/heads/*', protected: true, run: 7 } } }
const account = { name: 'account', rules, jwt: [
  { ...jwt, audience: 'never', claims: { sub: 'x' } },
  { ...jwt, claims: { 'kubernetes.io': { namespace: 'ci', serviceaccount: { name: 'runner' } }, groups: 'tools' } },
] }
const callers = [deploy, account]
const target = await startTarget(t, { manyAddresses: true, files: { 'keys.json': jwksOf(key, staying) }, callers })
const claims: Fields = { iss: issuer, aud: 'portcullis', sub: 'repo', repository: 'example/app', ref: 'refs/heads/main', protected: true, run: 7 }
const ofAccount: Fields = { iss: issuer, aud: ['else', 'portcullis'], 'kubernetes.io': { namespace: 'ci', serviceaccount: { name: 'runner', uid: '1' } }, groups: ['people', 'tools'] }
const without = (name: string): Fields => Object.fromEntries(Object.entries(claims).filter(([other]) => other !== name))

t.test('what says all that a caller\'s claims ask for is that caller, and the record says whose token it was', async (t) => {
  for (const way of ['plain', 'tls', 'http2'] as const) {
    const { request, answered } = await target.forwarded(way, { key: tokenOf(key, { ...claims, jti: '4711', sub: 'repo:example/app' }) })
    t.equal(answered.status, 200)
    const { user } = await target.proxyOf(way).event(request.all('audit-id')[0]!)
    t.strictSame(user, {
      username: 'deploy',
      extra: {
        'portcullis.dev/key-id': [`jwt:${issuer}`],
        'authentication.kubernetes.io/credential-id': ['JTI=4711'],
        'portcullis.dev/subject': ['repo:example/app'],
      },
    })
  }
  const { request } = await target.forwarded('tls', { key: tokenOf(key, ofAccount) })
  t.equal((await target.tls.event(request.all('audit-id')[0]!)).user.username, 'account')
  t.match(await target.tls.metrics(), `portcullis_key_last_used_seconds{caller="deploy",key="jwt:${issuer}"}`)
})

const refusals: readonly (readonly [string, Fields, 'UnknownKey' | 'ExpiredKey', RegExp])[] = [
  ['expired', { ...claims, exp: seconds(-60) }, 'ExpiredKey', /expired at \d{4}-/],
  ['expired a second ago', { ...claims, exp: seconds(-1) }, 'ExpiredKey', /expired at/],
  ['expired before there was time', { ...claims, exp: -1e300 }, 'ExpiredKey', /expired/],
  ['expired, and for another audience', { ...claims, aud: 'else', exp: seconds(-60) }, 'ExpiredKey', /expired at/],
  ['without an end', { ...claims, exp: undefined }, 'UnknownKey', /has no end \(exp\)/],
  ['an end that is a text', { ...claims, exp: String(seconds(600)) }, 'UnknownKey', /claim exp/],
  ['an end that is null', { ...claims, exp: null }, 'UnknownKey', /claim exp/],
  ['not valid yet', { ...claims, nbf: seconds(120) }, 'UnknownKey', /not valid yet/],
  ['a beginning that is a text', { ...claims, nbf: 'now' }, 'UnknownKey', /claim nbf/],
  ['for another audience', { ...claims, aud: 'sts.amazonaws.com' }, 'UnknownKey', /another audience \(aud\)/],
  ['for other audiences', { ...claims, aud: ['a', 'b'] }, 'UnknownKey', /another audience/],
  ['for an audience that begins alike', { ...claims, aud: 'portcullis.evil' }, 'UnknownKey', /another audience/],
  ['for no audience', { ...claims, aud: undefined }, 'UnknownKey', /another audience/],
  ['for a list within the list', { ...claims, aud: [['portcullis']] }, 'UnknownKey', /another audience/],
  ['for an object', { ...claims, aud: { portcullis: true } }, 'UnknownKey', /another audience/],
  ['of another issuer whose name begins alike', { ...claims, iss: `${issuer}.evil` }, 'UnknownKey', /no token of an issuer that it trusts/],
  ['of an issuer with a slash more', { ...claims, iss: `${issuer}/` }, 'UnknownKey', /no token of an issuer that it trusts/],
  ['of a list of issuers', { ...claims, iss: [issuer] }, 'UnknownKey', /no token of an issuer that it trusts/],
  ['of another repository', { ...claims, repository: 'example/other' }, 'UnknownKey', /does not say what any caller's claims ask for/],
  ['of a repository that begins alike', { ...claims, repository: 'example/app-evil' }, 'UnknownKey', /does not say/],
  ['of no repository', without('repository'), 'UnknownKey', /does not say/],
  ['of another ref', { ...claims, ref: 'refs/tags/v1' }, 'UnknownKey', /does not say/],
  ['with true as a text', { ...claims, protected: 'true' }, 'UnknownKey', /does not say/],
  ['with a number as a text', { ...claims, run: '7' }, 'UnknownKey', /does not say/],
  ['an account of another namespace', { ...ofAccount, 'kubernetes.io': { namespace: 'other', serviceaccount: { name: 'runner' } } }, 'UnknownKey', /does not say/],
  ['a nested claim written flat', { ...ofAccount, 'kubernetes.io': undefined, 'kubernetes.io/namespace': 'ci', 'kubernetes.io.namespace': 'ci' }, 'UnknownKey', /does not say/],
  ['without its group', { ...ofAccount, groups: ['people'] }, 'UnknownKey', /does not say/],
]

for (const way of ['tls', 'http2', 'upgrade'] as const) {
  t.test(`${way}: a token that is not for now, for us or for a caller is refused`, async (t) => {
    for (const [name, payload, code, message] of refusals) {
      const token = tokenOf(key, payload)
      const { body } = await target.refused(t, way, { key: token }, { status: 401, code }, name)
      t.match(body.toString(), message, `${way} ${name}: says why`)
    }
  })
}

t.test('whether a token has expired is told only to who has its signature', async (t) => {
  const [head, payload] = tokenOf(key, { ...claims, exp: seconds(-60) }).split('.')
  await target.refused(t, 'tls', { key: `${head}.${payload}.${'A'.repeat(86)}` }, { status: 401, code: 'UnknownKey' }, 'expired and forged')
})

t.test('the clock of an issuer may run ahead by half a minute, and a token that lives is taken again and again', async (t) => {
  const ahead = tokenOf(key, { ...claims, nbf: seconds(20), iat: seconds(20) })
  for (let i = 0; i < 3; i += 1) t.equal((await target.send('tls', { key: ahead })).status, 200)
  const end = seconds(2)
  const short = tokenOf(key, { ...claims, exp: end })
  t.equal((await target.send('tls', { key: short })).status, 200)
  while ((await target.send('tls', { key: short })).status === 200 && Date.now() < end * 1000 + 10_000) { /* to its end */ }
  t.ok(Date.now() >= end * 1000, 'and not to before it')
  await target.refused(t, 'tls', { key: short }, { status: 401, code: 'ExpiredKey' }, 'though it was verified before')
})

async function write(next: readonly object[]): Promise<void> {
  await target.tls.rewriteCallers({ callers: [target.rootEntry, ...next] })
  // What was asked to see whether it is in force is not to be counted.
  await target.send('tls', {})
}

t.test('a token that is two callers is refused, whichever comes first, and the log names them', async (t) => {
  const twin = { name: 'twin', rules: [], jwt: { ...jwt, claims: { sub: 'repo' } } }
  for (const next of [[deploy, twin], [twin, deploy]]) {
    await write(next)
    await target.refused(t, 'tls', { key: tokenOf(key, claims) }, { status: 400, code: 'AmbiguousCredential' }, 'two callers')
  }
  t.match(target.tls.logText(), /"callers":\["(deploy","twin|twin","deploy)"\],"msg":"a token is more than one caller: it is refused"/)
  await write([{ ...deploy, jwt: [deploy.jwt, twin.jwt] }])
  t.equal((await target.send('tls', { key: tokenOf(key, claims) })).status, 200, 'twice the same caller is one')
  await write(callers)
})

t.test('each caller has the audience and the algorithms that it says', async (t) => {
  const second = { name: 'second', rules, jwt: { ...jwt, audience: 'second', algorithms: ['ES384'], claims: { sub: 'second' } } }
  await write([deploy, second])
  await target.refused(t, 'tls', { key: tokenOf(key, { ...claims, sub: 'second', repository: 'x' }) }, { status: 401, code: 'UnknownKey' }, 'the other\'s audience')
  await target.refused(t, 'tls', { key: tokenOf(key, { ...claims, aud: 'second', sub: 'second' }) }, { status: 401, code: 'UnknownKey' }, 'the other\'s algorithm')
  await write(callers)
})

interface Open { readonly name: string, readonly ended: Promise<string> }

async function openAll(t: Test, token: string): Promise<Open[]> {
  target.upstream.answer((request, reply) => {
    if (request.all('upgrade').length > 0) return reply.upgrade(['Connection', 'Upgrade', 'Upgrade', 'websocket']).write(Buffer.from([0x82, 1, 120]))
    if (!request.target.includes('watch=')) return { status: 200, body: '{}' }
    reply.stream()
    return reply.chunk('{"type":"ADDED"}\n')
  })
  const path = '/api/v1/namespaces/a/pods'
  const watch = await target.connect('tls')
  watch.request('GET', `${path}?watch=true`, ['Authorization', `Bearer ${token}`])
  const response = await watch.streamed()
  await response.next()
  const exec = await target.connect('tls')
  exec.request('GET', `${path}/x/exec?command=sh`, ['Authorization', `Bearer ${token}`, ...webSocketHeaders()])
  await exec.response()
  await exec.tunnelled()
  const client = await connectHttp2(t, target.tls)
  const stream = client.open('GET', `${path}?watch=true`, { authorization: `Bearer ${token}` })
  await once(stream, 'data')
  return [
    { name: 'watch', ended: response.next().then((piece) => piece === undefined ? 'ended' : 'went on', () => 'cut') },
    { name: 'exec', ended: exec.tunnelled().then((farewell) => farewell === undefined ? 'cut' : farewell[0] === 0x88 ? 'ended' : 'went on') },
    { name: 'http2 watch', ended: new Promise((resolve) => stream.once('end', () => resolve('ended')).once('error', () => resolve('cut')).resume()) },
  ]
}

async function assertEnds(t: Test, open: readonly Open[], others: readonly Open[], what: () => Promise<unknown>): Promise<void> {
  let fell: string | undefined
  for (const { name, ended } of others) void ended.then(() => { fell ??= name })
  await what()
  const [since, heldUp] = [performance.now(), startHeldUp()]
  for (const { name, ended } of open) t.equal(await ended, 'ended', `${name} ends properly`)
  t.ok(performance.now() - since < 1500 + heldUp(), 'within a second')
  t.equal(fell, undefined, 'and no other')
}

async function writeKeys(text: string): Promise<void> {
  const file = join(target.tls.folder, 'keys.json')
  await writeFile(`${file}.new`, text)
  await rename(`${file}.new`, file)
}

const changes: Readonly<Record<string, readonly object[]>> = {
  'its caller is removed': [account],
  'its caller has no jwt any more': [{ ...deploy, jwt: undefined }, account],
  'its caller\'s claims are others': [{ ...deploy, jwt: { ...jwt, claims: { repository: 'example/next' } } }, account],
  'its caller\'s audience is another': [{ ...deploy, jwt: { ...deploy.jwt, audience: 'next' } }, account],
  'its caller takes another algorithm': [{ ...deploy, jwt: { ...deploy.jwt, algorithms: ['RS256'] } }, account],
  'its issuer is another': [{ ...deploy, jwt: { ...deploy.jwt, issuer: 'https://next.invalid' } }, account],
  'its claims are another caller\'s as well': [deploy, account, { name: 'twin', jwt: { ...jwt, claims: { sub: 'repo' } } }],
  'its caller loses the scope': [{ ...deploy, rules: [] }, account],
}

for (const [name, next] of Object.entries(changes)) {
  t.test(`streams end within a second when ${name}`, async (t) => {
    await write(callers)
    const open = await openAll(t, tokenOf(key, claims))
    await assertEnds(t, open, await openAll(t, tokenOf(key, ofAccount)), () => write(next))
    t.not((await target.send('tls', { key: tokenOf(key, claims) })).status, 200, 'and the token opens nothing more')
  })
}

t.test('a key that is taken out of the file ends what it signed, cached or open, and no other', async (t) => {
  await write(callers)
  const token = tokenOf(key, claims)
  const open = await openAll(t, token)
  const others = await openAll(t, tokenOf(staying, ofAccount))
  await assertEnds(t, open, others, () => writeKeys(jwksOf(staying)))
  await target.refused(t, 'tls', { key: token }, { status: 401, code: 'UnknownKey' }, 'its token')
  t.equal((await target.send('tls', { key: tokenOf(staying, claims) })).status, 200, 'the other key\'s')
  const again = signingKey('one')
  const said = target.tls.logSays(/keys of an issuer cannot be had/)
  await writeKeys('{"keys":[{"kty":"RSA","d":"x","n":"x","e":"AQAB"}]}')
  await said
  t.equal((await target.send('tls', { key: tokenOf(staying, claims) })).status, 200, 'a file with a private key changes nothing')
  await writeKeys(jwksOf(again, staying))
  await target.tls.logSays(/keys of an issuer can be had again/)
  await target.refused(t, 'tls', { key: token }, { status: 401, code: 'UnknownKey' }, 'another key of the same id')
  t.equal((await target.send('tls', { key: tokenOf(again, claims) })).status, 200)
  await writeKeys(jwksOf(key, staying))
})

t.test('a stream ends when its token does, without any reload', async (t) => {
  await write(callers)
  while ((await target.send('tls', { key: tokenOf(key, claims) })).status !== 200) { /* until the file is read */ }
  const others = await openAll(t, tokenOf(key, ofAccount))
  const open = await openAll(t, tokenOf(key, { ...claims, exp: seconds(3) }))
  await assertEnds(t, open, others, async () => { await Promise.race(open.map(({ ended }) => ended)) })
})

t.test('what an issuer writes into a token does not break the record', async (t) => {
  const sub = `a\n\u202e${'x'.repeat(3000)}`
  const { request } = await target.forwarded('tls', { key: signedBy(key, { alg: 'ES256', kid: 'one' }, { ...claims, exp: seconds(60), sub, jti: 'Bearer abcdefghijkl' }) })
  const { user: { extra } } = await target.tls.event(request.all('audit-id')[0]!)
  t.ok((extra?.['portcullis.dev/subject']?.[0]?.length ?? Infinity) <= 1024)
  t.notMatch(target.tls.auditText(), 'abcdefghijkl')
})

t.test('no sink holds a token', (t) => target.silentSinks(t, refusals.map(([, payload]) => tokenOf(key, payload).split('.')[1]!)))
