// The credential tokenRequest as a whole: a bootstrap token that may do nothing but ask for tokens, and the proxy before it.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { callerEntry } from '../support/attack-target.ts'
import { keyFor } from '../support/keys.ts'
import { startProxy } from '../support/proxy.ts'
import { connectRaw } from '../support/raw-client.ts'
import { startSample } from '../support/sample.ts'

const bootstrap = 'bootstrap-token-0123456789abcdef'
const serviceAccount = { namespace: 'portcullis', name: 'portcullis' }
const accounts = '/api/v1/namespaces/portcullis/serviceaccounts'
const tokenPath = `${accounts}/portcullis/token`
const configMaps = '/api/v1/namespaces/team-a/configmaps'
const everything = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] }]

async function setUp(t: Test, options: { readonly token?: string, readonly granted?: boolean } = {}) {
  const { token = bootstrap, granted = true } = options
  const users: Record<string, string> = {
    'Bearer sample-token': 'root', [`Bearer ${bootstrap}`]: 'system:serviceaccount:portcullis:bootstrap',
  }
  const { sample, ca, call } = await startSample(t, {
    authenticate: authorization => users[authorization],
    authorize: (user, method, path) => !user.endsWith(':bootstrap') || (granted && method === 'POST' && path === tokenPath),
  })
  const key = keyFor('caller00')
  const proxy = await startProxy(t, {
    upstreams: { prod: { url: sample.url, ca } }, token,
    credential: { tokenRequest: { bootstrap: { tokenFile: 'token' }, serviceAccount } },
    callers: { callers: [callerEntry('root', key, everything)] },
  })
  const headers = ['Host', 'localhost', 'Authorization', `Bearer ${key.key}`]
  return {
    proxy, call, users,
    /** Another account of the same name: the tokens of the one before are worth nothing. */
    async revokeMinted() {
      await call('DELETE', `${accounts}/portcullis`)
      await call('POST', accounts, { body: { metadata: { name: 'portcullis' } } })
    },
    async send(method: string, target: string, body?: object) {
      const client = await connectRaw(t, { port: proxy.port })
      client.request(method, target, body === undefined ? headers : [...headers, 'Content-Type', 'application/json'], body && JSON.stringify(body))
      const answer = await client.response()
      client.close()
      return answer
    },
    async watch(target: string) {
      const client = await connectRaw(t, { port: proxy.port })
      client.request('GET', target, headers)
      return client.streamed()
    },
    ready: async () => (await fetch(`${proxy.adminUrl}/readyz?verbose`)).text(),
    /** What the proxy sent, by its credential: the bootstrap token's targets, but for whose it is, and how many minted tokens there were. */
    sent() {
      const all = sample.requests().map(({ method, url, headers }) => ({
        what: `${method} ${url}`, authorization: headers[headers.findIndex(name => name.toLowerCase() === 'authorization') + 1] ?? '',
      })).filter(({ authorization }) => authorization !== 'Bearer sample-token')
      const own = all.filter(({ authorization }) => authorization === `Bearer ${bootstrap}`).map(({ what }) => what)
        .filter(what => !/selfsubjectreviews$|users\/~$/.test(what))
      return { own, minted: [...new Set(all.map(({ authorization }) => authorization))].filter(each => each !== `Bearer ${bootstrap}`) }
    },
  }
}

t.test('requests, watches and questions of its own go up with the minted token, and the bootstrap one asks for that alone, and whose it is itself', async (t) => {
  const { send, watch, sent, proxy, ready } = await setUp(t)
  t.equal((await send('GET', configMaps)).status, 200)
  t.equal((await send('POST', configMaps, { metadata: { name: 'a' } })).status, 201)
  t.equal((await send('GET', '/apis')).status, 200)
  t.equal((await watch(`${configMaps}?watch=true`)).status, 200)
  t.match(await ready(), /\[\+\]cluster prod credential ok\n\[\+\]cluster prod reachable ok/)
  const { own, minted } = sent()
  t.strictSame(own, [`POST ${tokenPath}`])
  t.equal(minted.length, 1)
  t.match(await proxy.metrics(), /portcullis_credential_expiry_seconds\{cluster="prod"\} 3[56]\d\d/)
  for (const secret of [bootstrap, minted[0]!.slice('Bearer '.length)]) t.notOk(`${proxy.logText()}${proxy.auditText()}`.includes(secret))
})

t.test('a minted token that is revoked is replaced once, by one request, and what is open stays open', async (t) => {
  const { send, watch, sent, revokeMinted } = await setUp(t)
  const stream = await watch(`${configMaps}?watch=true&fieldSelector=metadata.name%3Dwitness`)
  t.equal(stream.status, 200)
  await revokeMinted()

  const answers = await Promise.all(Array.from({ length: 5 }, () => send('GET', configMaps)))
  t.strictSame(answers.map(({ status }) => status), [200, 200, 200, 200, 200])
  t.strictSame(sent().own, [`POST ${tokenPath}`, `POST ${tokenPath}`])
  t.equal(sent().minted.length, 2)

  t.equal((await send('POST', configMaps, { metadata: { name: 'witness' } })).status, 201)
  t.match(String(await stream.next()), /"ADDED".*"witness"/)
})

t.test('a bootstrap token that was replaced is followed', async (t) => {
  const { send, proxy, users, revokeMinted } = await setUp(t)
  t.equal((await send('GET', configMaps)).status, 200)
  const next = 'next-bootstrap-token-0123456789abcdef'
  users[`Bearer ${next}`] = 'system:serviceaccount:portcullis:bootstrap'
  delete users[`Bearer ${bootstrap}`]
  await writeFile(join(proxy.folder, 'token'), next)
  await revokeMinted()
  t.equal((await send('GET', configMaps)).status, 200)
})

t.test('an account that is gone is named, to the caller and to the operator', async (t) => {
  const { send, call, ready } = await setUp(t)
  await call('DELETE', `${accounts}/portcullis`)
  const { status, body } = await send('GET', configMaps)
  t.equal(status, 502)
  t.match(String(body), /CredentialRejected/)
  t.match(String(body), /tokenRequest, system:serviceaccount:portcullis:portcullis: its account was deleted/)
  t.match(await ready(), /\[-\]cluster prod credential failed: .*its account was deleted.*: the service account portcullis\/portcullis does not exist/)
})

t.test('a bootstrap account that may not ask for tokens leaves the proxy unready, with the rule to grant', async (t) => {
  const { send, proxy, ready } = await setUp(t, { granted: false })
  const { status, body } = await send('GET', configMaps)
  t.equal(status, 502)
  t.match(String(body), /Portcullis has no credential for this cluster at present \(tokenRequest\)/)
  t.match(await ready(), /\[-\]cluster prod credential failed: Portcullis has no credential .*: the bootstrap credential may not request tokens of portcullis/)
  t.match(proxy.logText(), /may not request tokens of portcullis\/portcullis: grant it, .*resources \[serviceaccounts\/token\]/)
})

t.test('a bootstrap token that the API server rejects is what the caller is told of', async (t) => {
  const { send } = await setUp(t, { token: 'revoked-token-0123456789abcdef' })
  const { status, body } = await send('GET', configMaps)
  t.equal(status, 502)
  t.match(String(body), /rejected the credential of Portcullis itself \(tokenFile: it was revoked/)
})
