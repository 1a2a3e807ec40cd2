// A token without any form, which no pattern finds: got into what is logged and audited by hostile upstreams, and by callers who know it.
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { callerEntry } from '../support/attack-target.ts'
import { makeAuthority } from '../support/certificates.ts'
import { keyFor } from '../support/keys.ts'
import { startProxy, type AuditEvent, type TestProxy } from '../support/proxy.ts'
import { connectRaw } from '../support/raw-client.ts'
import { startUpstream, type Handler, type UpstreamOptions } from '../support/recording-upstream.ts'

const token = 's3cr3t-opaque~value-1234567890'
const basic = Buffer.from(`sa:${token}`).toString('base64')
const throughout = Buffer.from(token).toString('hex').replace(/../g, '%$&')
const caller = keyFor('opaque00')
const everything = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], acknowledge: ['own-credential', 'impersonate'] }]
const pods = '/api/v1/namespaces/a/pods'

async function start(t: Test, answer: Handler, upstreamOptions: UpstreamOptions = {}) {
  const upstream = await startUpstream(t, upstreamOptions)
  upstream.answer(answer)
  // By its name, for what is told of a certificate for an address are addresses alone.
  const { ca, port } = upstream
  const proxy = await startProxy(t, { upstreams: { prod: { ca, url: `https://localhost:${port}` } }, token, callers: { callers: [callerEntry('c', caller, everything)] } })
  return { upstream, proxy }
}

const fine: Handler = () => ({ status: 200, headers: ['Content-Type', 'application/json'], body: '{}' })

async function audited(t: Test, proxy: TestProxy, target: string, headers: readonly string[] = []): Promise<AuditEvent> {
  const client = await connectRaw(t, proxy.ca === '' ? { port: proxy.port } : proxy)
  client.request('GET', target, ['Authorization', `Bearer ${caller.key}`, ...headers])
  const response = await client.response()
  client.close()
  return proxy.event(response.all('audit-id')[0] ?? '')
}

/** Not even the beginning of it: what is cut is half a secret. */
function clean(t: Test, proxy: TestProxy): void {
  for (const text of [proxy.logText(), proxy.auditText()]) {
    for (const part of [token.slice(0, 8), token.slice(-8), basic.slice(8, 24), throughout.slice(0, 24)]) t.notOk(text.includes(part), part)
  }
}

t.test('what a caller puts into a request is recorded without it', async (t) => {
  const { proxy } = await start(t, fine)
  // A refusal repeats the path that it refuses: to take our token out of what a caller says itself would tell him that it is ours.
  proxy.leaks.expect(/the data listener/)
  // The proxy has it once it presents it.
  await audited(t, proxy, pods)
  const rows: readonly (readonly [target: string, headers: readonly string[], told: RegExp, recorded: (event: AuditEvent) => unknown])[] = [
    [`${pods}?labelSelector=app%3D${token}`, [], /labelSelector=app%3D\[redacted\]$/, ({ requestURI }) => requestURI],
    [`${pods}?labelSelector=${throughout}&limit=1`, [], /labelSelector=\[redacted\]&limit=1$/, ({ requestURI }) => requestURI],
    [`${pods}?x=${throughout.replaceAll('%', '%25')}`, [], /x=\[redacted\]$/, ({ requestURI }) => requestURI],
    [`${pods}?x=${basic}`, [], /\[redacted\]/, ({ requestURI }) => requestURI],
    [`${pods}?${token}=x`, [], /\?\[redacted\]=x$/, ({ requestURI }) => requestURI],
    [`${pods}/${token.toLowerCase()}`, [], /pods\/\[redacted\]$/, ({ requestURI }) => requestURI],
    [`${pods}/${token.toLowerCase()}`, [], /^\[redacted\]$/, ({ objectRef }) => objectRef?.name],
    [`/no/such/${token}`, [], /such\/\[redacted\]/, ({ annotations }) => annotations?.['authorization.k8s.io/reason']],
    [pods, ['User-Agent', `agent ${token} x`], /^agent \[redacted\] x$/, ({ userAgent }) => userAgent],
    [pods, ['User-Agent', `${'x'.repeat(1010)}${token}`], /^x+\[redac/, ({ userAgent }) => userAgent],
    [pods, ['Impersonate-User', token], /^\[redacted\]$/, ({ impersonatedUser }) => impersonatedUser?.username],
    [pods, ['Impersonate-User', 'x', 'Impersonate-Extra-Scopes', `a ${basic}`], /\[redacted\]/, ({ impersonatedUser }) => impersonatedUser?.extra?.['scopes']?.[0]],
  ]
  for (const [target, headers, told, recorded] of rows) {
    t.match(recorded(await audited(t, proxy, target, headers)), told, `${target.slice(0, 60)} ${headers.join().slice(0, 60)}`)
  }
  clean(t, proxy)
})

t.test('what a hostile upstream says of itself is logged without it', async (t) => {
  // The name in a certificate is in the error that refuses it.
  const authority = makeAuthority()
  const { proxy } = await start(t, fine, { tls: authority.issue({ names: [`x.${token}`] }), ca: authority.ca })
  const { responseStatus } = await audited(t, proxy, pods)
  t.equal(responseStatus?.code, 502)
  t.match(proxy.logText(), /altnames.*x\.\[redacted\]/)
  t.notOk(proxy.logText().includes(token))
})

t.test('what it sends to a watch of ours is not repeated, in whatever way it cannot be read', async (t) => {
  const answers: Handler[] = [
    (_, reply) => reply.raw(`HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n${token} is no JSON`.padEnd(100)),
    () => ({ status: 200, body: token }),
    (request, reply) => {
      if (!request.target.includes('watch=true')) return { status: 200, body: `{"metadata":{"resourceVersion":"1"}}` }
      reply.stream()
      reply.chunk(`${token}\n`)
    },
    (request, reply) => {
      if (!request.target.includes('watch=true')) return { status: 200, body: `{"metadata":{"resourceVersion":"1"}}` }
      reply.stream()
      reply.chunk(`{"type":"ERROR","object":{"code":"${token}"}}\n`)
    },
    (_, reply) => reply.raw(`HTTP/1.1 200 OK\r\n${token} : x\r\n\r\n`),
    (_, reply) => reply.raw(`${token}\r\n\r\n`),
  ]
  for (const answer of answers) {
    const { upstream, proxy } = await start(t, (request, reply) => request.target.startsWith('/api/') ? fine(request, reply) : answer(request, reply))
    while (upstream.requests.length === 0) await upstream.nextRequest()
    for (let round = 0; round < 3; round += 1) await audited(t, proxy, pods)
    await proxy.logSays(/the watch for API changes broke off/)
    clean(t, proxy)
  }
})

t.test('a token that was replaced is still kept out, and so is the new one', async (t) => {
  const next = 'n3w-opaque~token-0987654321'
  let accepted = token
  const { proxy } = await start(t, (request, reply) =>
    request.all('authorization')[0] === `Bearer ${accepted}` ? fine(request, reply) : { status: 401 })
  await audited(t, proxy, pods)
  await writeFile(join(proxy.folder, 'token.new'), next, { mode: 0o600 })
  await rename(join(proxy.folder, 'token.new'), join(proxy.folder, 'token'))
  accepted = next
  t.equal((await audited(t, proxy, pods)).responseStatus?.code, 200, 'renewed')
  t.match((await audited(t, proxy, `${pods}?a=${token}&b=${next}`)).requestURI, /a=\[redacted\]&b=\[redacted\]$/)
  clean(t, proxy)
})

t.test('the password of a session is kept out as its token is', async (t) => {
  const password = 'a pa55word/of words'
  const upstream = await startUpstream(t)
  upstream.answer(() => ({ status: 200, headers: ['Content-Type', 'application/json'], body: JSON.stringify({
    issuer: upstream.url, authorization_endpoint: `${upstream.url}/authorize`, token_endpoint: `${upstream.url}/token`,
  }) }))
  const proxy = await startProxy(t, {
    upstreams: { prod: upstream }, token, callers: { callers: [callerEntry('c', caller, everything)] },
    files: { password, user: 'robot' },
    credential: { oauthSession: { username: { fromFile: 'user' }, password: { fromFile: 'password' } } },
  })
  // Whether or not the login came to an end.
  const encoded = Buffer.from(`robot:${password}`).toString('base64')
  t.match((await audited(t, proxy, `${pods}?a=${encodeURIComponent(password)}&b=${encoded}`)).requestURI, /a=\[redacted\]&b=\w{0,10}\[redacted\]\w{0,3}={0,2}$/)
})
