// Whoever reads the Secrets beside our account reads our credential: its namespace is known in every form that a credential takes.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { callerEntry, codeOf } from '../support/attack-target.ts'
import { makeAuthority } from '../support/certificates.ts'
import { keyFor } from '../support/keys.ts'
import { startProxy, type ProxyOptions, type TestProxy } from '../support/proxy.ts'
import { connectRaw } from '../support/raw-client.ts'
import { startUpstream, type Handler, type Reply } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'
import { jwt } from '../credentials/tokens.ts'

const root = keyFor('ownroot0')
const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] }
const bot = 'system:serviceaccount:bots:ci'
const review = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
const whoami = '/apis/user.openshift.io/v1/users/~'

async function start(t: Test, options: Partial<ProxyOptions>, answer: Handler, clientCa?: string) {
  const upstream = await startUpstream(t, clientCa === undefined ? {} : { clientCa })
  upstream.answer(answer)
  const proxy = startProxy(t, { upstreams: { prod: upstream }, token: 'sha256~opaque', callers: { callers: [callerEntry('root', root, [everything])] }, ...options })
  return { upstream, proxy }
}

async function ask(t: Test, { port }: TestProxy, request: string) {
  const [method = '', target = ''] = request.split(' ')
  const client = await connectRaw(t, { port })
  client.request(method, target, ['Host', 'localhost', 'Authorization', `Bearer ${root.key}`], method === 'POST' ? '{}' : undefined)
  const { status, body } = await client.response()
  client.close()
  return { status, code: status === 200 ? undefined : codeOf(body), text: body.toString() }
}

/** Objects by target; 404 to the other questions about us, `{}` to all else. */
function answering(answers: Readonly<Record<string, object>>): Handler {
  return ({ target }) => {
    const about = /selfsubjectreviews$|users\/~$/.test(target)
    return { status: about && answers[target] === undefined ? 404 : 200, headers: ['Content-Type', 'application/json'], body: JSON.stringify(answers[target] ?? {}) }
  }
}

const reviewed = (username: string) => ({ status: { userInfo: { username, groups: ['system:authenticated'] } } })
const clients = makeAuthority()
const { cert, key } = clients.issue({ commonName: 'robot' })
const bound = { sub: bot, 'kubernetes.io': { namespace: 'bots', serviceaccount: { name: 'ci', uid: '1' } } }
const legacy = { 'kubernetes.io/serviceaccount/namespace': 'bots', 'kubernetes.io/serviceaccount/service-account.name': 'ci' }

const forms: [form: string, options: Partial<ProxyOptions>, answers: Record<string, object>][] = [
  ['a bound token', { token: jwt(bound) }, {}],
  ['a token of a Secret', { token: jwt({ iss: 'kubernetes/serviceaccount', ...legacy }) }, {}],
  ['a token that says no more than its subject', { token: jwt({ sub: bot }) }, {}],
  ['an opaque token', {}, { [review]: reviewed(bot) }],
  ['an opaque token of an OpenShift without SelfSubjectReview', {}, { [whoami]: { metadata: { name: bot }, groups: [] } }],
  ['a token of another issuer', { token: jwt({ sub: 'robot@example', iss: 'https://sso.example' }) }, { [review]: reviewed(bot) }],
  ['a client certificate', { credential: { clientCertificate: { certFile: 'c.crt', keyFile: 'c.key' } }, files: { 'c.crt': cert, 'c.key': key } }, { [review]: reviewed(bot) }],
]

for (const [form, options, answers] of forms) {
  t.test(`${form}: the namespace of its account is guarded, no other one`, async (t) => {
    const { proxy } = await start(t, options, answering(answers), options.credential === undefined ? undefined : clients.ca)
    const ready = await proxy
    for (const request of ['GET /api/v1/namespaces/bots/secrets', 'POST /api/v1/namespaces/bots/pods', 'GET /api/v1/secrets']) {
      t.match(await ask(t, ready, request), { status: 403, code: 'EscalationDenied' }, request)
    }
    for (const request of ['GET /api/v1/namespaces/a/secrets', 'POST /api/v1/namespaces/a/pods', 'GET /api/v1/namespaces/bots/pods']) {
      t.match(await ask(t, ready, request), { status: 200 }, request)
    }
  })
}

t.test('with tokenRequest the namespace of the bootstrap\'s account is guarded too: whoever has that one mints ours', async (t) => {
  const boot = 'system:serviceaccount:boot:minter'
  const status = () => ({ token: jwt({ sub: bot }), expirationTimestamp: new Date(Date.now() + 3_600_000).toISOString() })
  const credential = { tokenRequest: { bootstrap: { tokenFile: 'token' }, serviceAccount: { namespace: 'bots', name: 'ci' } } }
  for (const token of [jwt({ sub: boot }), 'sha256~opaque']) {
    const { proxy } = await start(t, { token, credential }, answering({
      '/api/v1/namespaces/bots/serviceaccounts/ci/token': { status: status() }, [review]: reviewed(boot),
    }))
    const ready = await proxy
    for (const namespace of ['bots', 'boot']) {
      for (const request of [`GET /api/v1/namespaces/${namespace}/secrets/minter-token`, `POST /api/v1/namespaces/${namespace}/secrets`]) {
        t.match(await ask(t, ready, request), { status: 403, code: 'EscalationDenied' }, request)
      }
    }
    t.match(await ask(t, ready, 'GET /api/v1/namespaces/a/secrets/x'), { status: 200 })
  }
})

/** Answers reviews when told to, `{}` at once to all else. */
function holding() {
  const held: Reply[] = []
  const handler: Handler = ({ target }, reply) => {
    if (target !== review) return { status: 200, headers: ['Content-Type', 'application/json'], body: '{}' }
    held.push(reply)
    return undefined
  }
  return {
    handler,
    release() {
      const body = JSON.stringify(reviewed(bot))
      for (const reply of held.splice(0)) reply.raw(`HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    },
  }
}

t.test('the start waits for the answer, so that the first caller is not refused for want of it', async (t) => {
  const { handler, release } = holding()
  const { upstream, proxy } = await start(t, {}, handler)
  let started = false
  void proxy.then(() => { started = true })
  const { method, target, body } = await upstream.nextRequest()
  t.strictSame([method, target], ['POST', review])
  t.strictSame(JSON.parse((await body).start.toString()), { kind: 'SelfSubjectReview', apiVersion: 'authentication.k8s.io/v1' })
  t.equal(started, false)
  release()
  t.match(await ask(t, await proxy, 'POST /api/v1/namespaces/a/pods'), { status: 200 })
})

t.test('it does not wait for ever; until the answer is there, every namespace is guarded as ours', async (t) => {
  const { handler, release } = holding()
  const { proxy } = await start(t, {}, handler)
  const ready = await proxy
  for (const request of ['POST /api/v1/namespaces/a/pods', 'GET /api/v1/namespaces/a/secrets/x', 'GET /api/v1/namespaces/a/services/x/proxy']) {
    const { status, code, text } = await ask(t, ready, request)
    t.strictSame([status, code], [403, 'EscalationDenied'], request)
    t.match(text, /route own-credential .* not known yet/, request)
  }
  t.match(await ask(t, ready, 'GET /api/v1/namespaces/a/pods'), { status: 200 }, 'what reaches no credential goes on')
  release()
  let { status } = await ask(t, ready, 'POST /api/v1/namespaces/a/pods')
  for (let tries = 0; tries < 500 && status !== 200; tries++) ({ status } = await ask(t, ready, 'POST /api/v1/namespaces/a/pods'))
  t.equal(status, 200)
  t.match(await ask(t, ready, 'POST /api/v1/namespaces/bots/pods'), { status: 403, code: 'EscalationDenied' })
})

t.test('a reload that is not told whose our credential is ends no open stream; one that is told may', async (t) => {
  const { handler, release } = holding()
  let slow = false
  const { upstream, proxy } = await start(t, {}, (request, reply) => {
    if (request.target.includes('watch=')) {
      reply.stream()
      reply.chunk('first')
      return undefined
    }
    if (request.target !== review) return handler(request, reply)
    return slow ? handler(request, reply) : { status: 201, headers: ['Content-Type', 'application/json'], body: JSON.stringify(reviewed('robot')) }
  })
  const ready = await proxy
  const watch = async (namespace: string) => {
    const client = await connectRaw(t, { port: ready.port })
    client.request('GET', `/api/v1/namespaces/${namespace}/secrets?watch=true`, ['Host', 'localhost', 'Authorization', `Bearer ${root.key}`])
    const stream = await client.streamed()
    t.equal(String(await stream.next()), 'first')
    return { next: () => stream.next().then(String, () => 'ended') }
  }
  const [ours, other] = [await watch('bots'), await watch('a')]
  slow = true
  await writeFile(join(ready.folder, 'prod-ca.crt'), `${upstream.ca}\n`)
  await until(async () => (await ask(t, ready, 'POST /api/v1/namespaces/a/pods')).status === 403)
  const ended = Promise.race([ours.next().then(() => 'ours'), other.next().then(() => 'other')])
  t.equal(await Promise.race([ended, ask(t, ready, 'GET /api/v1/namespaces/a/pods').then(({ status }) => status)]), 200, 'nothing is told yet, and nothing ends')
  release()
  t.equal(await ended, 'ours')
  t.match(await ask(t, ready, 'POST /api/v1/namespaces/a/pods'), { status: 200 })
})

t.test('a start waits while an API server that may tell does not, so that nobody meets the doubt', async (t) => {
  for (const status of [403, 302, 200]) {
    const { proxy } = await start(t, {}, ({ target }) => /selfsubjectreviews$|users\/~$/.test(target) ? { status, body: '<html>' } : { status: 200, body: '{}' })
    const ready = await proxy
    for (const request of ['GET /api/v1/namespaces/a/secrets/x', 'POST /api/v1/namespaces/a/pods']) t.match(await ask(t, ready, request), { status: 200 }, `${status}: ${request}`)
    t.match(await ask(t, ready, 'GET /api/v1/secrets'), { status: 403, code: 'EscalationDenied' })
  }
})

t.test('where nobody says whose it is, requests for every namespace stay guarded, and the log says so once', async (t) => {
  const { proxy } = await start(t, {}, answering({}))
  const ready = await proxy
  t.match(await ask(t, ready, 'GET /api/v1/secrets'), { status: 403, code: 'EscalationDenied' })
  t.match(await ask(t, ready, 'GET /api/v1/namespaces/bots/secrets'), { status: 200 })
  t.equal(ready.logText().split('neither the credential nor the API server says whose it is').length, 2)
})
