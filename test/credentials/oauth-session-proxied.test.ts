import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { keyFor } from '../support/keys.ts'
import { startOAuthServer, type OAuthServerOptions } from '../support/oauth-server.ts'
import { password, secretsOf, user } from '../support/oauth-session.ts'
import { startProxy } from '../support/proxy.ts'
import { connectRaw } from '../support/raw-client.ts'
import { startUpstream, type Reply } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'

const { id, key, sha256 } = keyFor('robot000')
const caller = {
  name: 'robot', keys: [{ id, sha256, createdAt: '2026-01-01T00:00:00Z' }],
  rules: [{ apiGroups: [''], resources: ['pods', 'services'], verbs: ['*'], namespaces: ['team-a'], acknowledge: ['own-credential'] }],
}
const json = ['Content-Type', 'application/json']
const pods = '/api/v1/namespaces/team-a/pods'
const watched = '{"type":"ADDED","object":{}}\n'

/** A proxy whose credential is a session, and an API that takes only tokens of its OAuth server. */
async function setUp(t: Test, { given = password, ...options }: Partial<OAuthServerOptions> & { readonly given?: string } = {}) {
  const oauth = await startOAuthServer(t, { users: { [user]: password }, ...options })
  const api = await startUpstream(t, { aside: target => target.includes('watch=true') && !target.startsWith(pods) })
  const streams: Reply[] = []
  let refused = 0
  api.answer((request, reply) => {
    if (request.target === '/.well-known/oauth-authorization-server') return { status: 200, headers: json, body: JSON.stringify(oauth.metadata) }
    if (!oauth.takes(request.all('authorization').join())) {
      refused += 1
      return { status: 401, headers: json, body: '{"kind":"Status","code":401,"message":"Unauthorized"}' }
    }
    if (!request.target.includes('watch=true')) return { status: 200, headers: json, body: '{"kind":"PodList"}' }
    streams.push(reply)
    reply.stream()
    reply.chunk(watched)
    return undefined
  })
  const proxy = await startProxy(t, {
    upstreams: { prod: { url: api.url, ca: api.ca + oauth.ca } }, token: 'unused', callers: { callers: [caller] },
    credential: { oauthSession: { username: { fromEnv: 'OAUTH_USER' }, password: { fromFile: 'password' } } },
    files: { password: `${given}\n` }, env: { OAUTH_USER: user },
  })
  const answers: string[] = []
  const client = async () => {
    const connection = await connectRaw(t, { port: proxy.port })
    return {
      async send(method: string, target = pods, body?: string) {
        connection.request(method, target, ['Authorization', `Bearer ${key}`], body)
        const answer = await connection.response()
        answers.push(answer.headers.join('\n'), answer.body.toString())
        return answer
      },
      async watch() {
        connection.request('GET', `${pods}?watch=true`, ['Authorization', `Bearer ${key}`])
        return connection.streamed()
      },
    }
  }
  /** Nothing that left the proxy towards anybody else holds a secret. */
  const keptSecrets = async () => {
    const readyz = await (await fetch(`${proxy.adminUrl}/readyz?verbose`)).text()
    // Events are written beside the requests: the answer may be here first.
    await until(() => proxy.auditText() !== '')
    const sinks = { answers: answers.join('\n'), log: proxy.logText(), audit: proxy.auditText(), metrics: await proxy.metrics(), readyz }
    for (const [sink, text] of Object.entries(sinks)) {
      t.not(text, '', `${sink} was looked at`)
      for (const secret of secretsOf(oauth, given)) t.notOk(text.includes(secret), `none in ${sink}`)
    }
  }
  return { oauth, api, proxy, client, streams, keptSecrets, refused: () => refused }
}

t.test('requests are sent under the session\'s token', async (t) => {
  const { oauth, api, client, proxy, keptSecrets } = await setUp(t)
  const { send } = await client()
  t.equal((await send('GET')).status, 200)
  t.equal((await send('POST', '/api/v1/namespaces/team-a/services', '{}')).status, 200)
  const sent = api.requests.filter(({ target }) => target.startsWith('/api/v1/namespaces/team-a/'))
  t.strictSame(sent.map(request => request.all('authorization')), [[`Bearer ${oauth.tokens[0]}`], [`Bearer ${oauth.tokens[0]}`]])
  t.strictSame(oauth.faults, [])
  const { status } = await fetch(`${proxy.adminUrl}/readyz`)
  t.equal(status, 200)
  t.match(await proxy.metrics(), /portcullis_credential_expiry_seconds\{cluster="prod"\} 8\d{4}/)
  await keptSecrets()
})

t.test('the session renews itself before its end, and a watch goes on', async (t) => {
  // Renewed after 6 s and a little: a machine that stands still for a second and a half is no fault.
  const { oauth, client, streams, refused, keptSecrets } = await setUp(t, { expiresIn: 8 })
  const watch = await (await client()).watch()
  t.equal((await watch.next())?.toString(), watched)
  const { send } = await client()
  t.equal((await send('GET')).status, 200)
  const first = await oauth.nextToken()
  t.not(await oauth.nextToken(), first)
  t.equal((await send('GET')).status, 200)
  streams[0]?.chunk('{"type":"MODIFIED"}\n')
  t.equal((await watch.next())?.toString(), '{"type":"MODIFIED"}\n')
  t.equal(refused(), 0)
  await keptSecrets()
})

t.test('a revoked token is one login for twenty requests, and none of them fails; a watch goes on', async (t) => {
  const { oauth, client, streams, keptSecrets } = await setUp(t)
  const watch = await (await client()).watch()
  t.equal((await watch.next())?.toString(), watched)
  const clients = await Promise.all(Array.from({ length: 20 }, client))
  oauth.revokeAll()
  const answers = await Promise.all(clients.map(({ send }) => send('GET')))
  t.strictSame(new Set(answers.map(({ status }) => status)), new Set([200]))
  t.equal(oauth.tokens.length, 2)
  streams[0]?.chunk('{"type":"MODIFIED"}\n')
  t.equal((await watch.next())?.toString(), '{"type":"MODIFIED"}\n')
  await keptSecrets()
})

t.test('with a wrong password it starts, says so to the operator, and is a 502 to callers', async (t) => {
  const { oauth, proxy, client, keptSecrets } = await setUp(t, { given: 'wrong-S3cret' })
  const { send } = await client()
  const answer = await send('GET')
  t.equal(answer.status, 502)
  t.match(answer.json(), { message: 'portcullis: Portcullis has no credential for this cluster at present (oauthSession)', details: { causes: [{ reason: 'CredentialRejected' }] } })
  const readyz = await fetch(`${proxy.adminUrl}/readyz?verbose`)
  t.equal(readyz.status, 503)
  t.match(await readyz.text(), /cluster prod credential.*does not take the user name and the password/)
  t.match(proxy.logText(), /"message":"the OAuth server 127\.0\.0\.1:\d+ does not take the user name and the password/)
  t.strictSame(oauth.tokens, [])
  await keptSecrets()
})

t.test('a password that comes later is taken, without a restart', async (t) => {
  const { oauth, proxy, client } = await setUp(t, { given: 'wrong-S3cret' })
  writeFileSync(join(proxy.folder, 'password'), password)
  const token = await oauth.nextToken()
  t.ok(oauth.takes(`Bearer ${token}`))
  const { send } = await client()
  t.equal((await send('GET')).status, 200)
  rmSync(join(proxy.folder, 'password'))
  t.equal((await send('GET')).status, 200, 'what it gave is in memory')
})
