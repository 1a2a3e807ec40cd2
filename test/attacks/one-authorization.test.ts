// What reaches upstream carries exactly one Authorization, and it is ours: on every path, and looked at once more just before sending.
import t from 'tap'
import { createForward } from '../../src/forward/forward.ts'
import type { Exchange, Reply } from '../../src/model/exchange.ts'
import { createStreams } from '../../src/streams/open-streams.ts'
import { callerEntry, upstreamToken } from '../support/attack-target.ts'
import { admitted, arrival, callerWith, trailOf } from '../support/builders.ts'
import { makeAuthority } from '../support/certificates.ts'
import { clusterFor, credentialOf } from '../support/cluster-builders.ts'
import { connectHttp2 } from '../support/http2-client.ts'
import { keyFor } from '../support/keys.ts'
import { startProxy } from '../support/proxy.ts'
import { connectRaw } from '../support/raw-client.ts'
import { startUpstream, type Handler, type RecordedRequest } from '../support/recording-upstream.ts'
import { startFront } from '../support/tunnel-front.ts'
import { bearerProtocol, spdyAccepted, spdyHeaders, webSocketAccepted, webSocketHeaders } from '../support/upgrades.ts'

const caller = keyFor('oneauth0')
const everything = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], acknowledge: ['run-as-us', 'own-credential', 'intercept', 'impersonate'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
]
const pods = '/api/v1/namespaces/a/pods'

const answer: Handler = (request, reply) => {
  if (request.all('upgrade')[0] === 'websocket') return void reply.upgrade(webSocketAccepted('v5.channel.k8s.io')).echo()
  if (request.all('upgrade').length > 0) return void reply.upgrade(spdyAccepted).echo()
  if (/(?:customresourcedefinitions|apiservices)\?watch/.test(request.target)) return 'hold'
  return { status: 200, headers: ['Content-Type', 'application/json'], body: '{"kind":"APIGroupList","metadata":{"resourceVersion":"1"}}' }
}

/** What a caller may try to have sent in its own name, or twice. */
const attempts = [
  ['Connection', 'close, authorization'], ['Connection', 'Authorization, Audit-ID, Host'], ['Authorization_', 'Bearer theirs'], ['X-Forwarded-Authorization', 'Bearer theirs'],
  ['Proxy-Authorization', 'Bearer theirs'], ['Cookie', 'ssn=theirs'], ['Impersonate-User', 'jane'],
]
const requests: readonly (readonly [method: string, target: string])[] = [
  ['GET', pods], ['GET', `${pods}?limit=1&access_token=theirs`], ['POST', pods], ['PATCH', `${pods}/x`], ['DELETE', pods], ['GET', '/apis'], ['GET', '/openapi/v3'], ['GET', `${pods}/x/proxy/y`],
]

t.test('every request that leaves has one, and it is ours', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer(answer)
  const authority = makeAuthority()
  const shared = {
    upstreams: { prod: upstream }, token: upstreamToken, callers: { callers: [callerEntry('c', caller, everything)] },
    openshift: 'auto' as never,
  }
  const [plain, tls] = [await startProxy(t, shared), await startProxy(t, { ...shared, tls: authority })]
  for (const headers of attempts) {
    for (const [method, target] of requests) {
      const body = method === 'GET' ? undefined : '{}'
      for (const proxy of [plain, tls]) {
        const client = await connectRaw(t, proxy.ca === '' ? { port: proxy.port } : proxy)
        client.request(method, target, ['X-API-Key', caller.key, ...headers, 'Content-Type', 'application/json'], body)
        t.equal((await client.response()).status, 200, `${method} ${target} ${headers.join()}`)
        client.close()
      }
      if (headers[0] === 'Connection') continue
      const client = await connectHttp2(t, tls)
      t.equal((await client.request(method, target, { 'authorization': `Bearer ${caller.key}`, [headers[0]!.toLowerCase()]: headers[1], 'content-type': 'application/json' }, body)).status, 200)
      client.session.destroy()
    }
    for (const upgrade of [webSocketHeaders('v5.channel.k8s.io'), spdyHeaders(), webSocketHeaders(bearerProtocol(caller.key), 'v5.channel.k8s.io')]) {
      const client = await connectRaw(t, tls)
      const key = upgrade.some((text) => text.includes('base64url.bearer')) ? [] : ['Authorization', `Bearer ${caller.key}`]
      client.request('GET', `${pods}/x/exec?command=sh`, [...key, ...upgrade, ...headers.filter(() => headers[0] !== 'Connection')])
      t.equal((await client.response()).status, 101, `upgrade ${headers.join()}`)
      client.close()
    }
  }
  for (const proxy of [plain, tls]) t.equal((await fetch(`${proxy.adminUrl}/readyz?verbose`)).status, 200)
  const targets = new Set(upstream.requests.map(({ target }) => target.replace(/\?.*/, '')))
  for (const own of ['/apis/apiextensions.k8s.io/v1/customresourcedefinitions', '/apis/security.openshift.io', '/version', '/apis']) {
    t.ok(targets.has(own), `our own request for ${own} is among them`)
  }
  t.strictSame(upstream.requests.filter((request) => !isOurs(request)).map(({ method, target, raw }) => `${method} ${target} ${raw.toString()}`), [])
  t.ok(upstream.requests.length > 150, `${upstream.requests.length} requests`)
})

function isOurs({ all }: RecordedRequest): boolean {
  const [authorization, ...more] = all('authorization')
  return authorization === `Bearer ${upstreamToken}` && more.length === 0 && !all('cookie').concat(all('proxy-authorization'), all('x-api-key')).some(Boolean)
}

/** Two identities in one request: no part before lets that happen, and the last look must not either. */
const twice = {
  caller: callerWith([], { impersonate: { user: 'tool:ci', groups: [] } }),
  question: { impersonation: { user: 'jane', groups: [], extra: {} } } as never,
}
const jane = ['Impersonate-User', 'jane']
const line = ['X-Debug', 'a\r\nAuthorization: Bearer theirs']

t.test('a tunnel whose headers are not as they must be is not dialled', async (t) => {
  const upstream = await startUpstream(t)
  for (const [overrides, headers, code] of [[twice, jane, 'Internal'], [{}, line, 'MalformedHeader']] as const) {
    const rawHeaders = [...webSocketHeaders('v5.channel.k8s.io'), ...headers]
    const front = await startFront(t, clusterFor(t, upstream), { ...overrides, arrival: arrival({ upgrade: true, target: `${pods}/x/exec`, rawHeaders }) })
    const client = await connectRaw(t, { port: front.port })
    client.request('GET', '/x', webSocketHeaders('v5.channel.k8s.io'))
    t.match((await client.response()).json(), { details: { causes: [{ reason: code }] } })
  }
  t.equal(upstream.bytes, 0)
})

t.test('nor is a plain request sent', async (t) => {
  const upstream = await startUpstream(t)
  const cluster = clusterFor(t, upstream)
  const streams = createStreams({ recheck: ({ caller }) => caller, now: Date.now })
  t.teardown(() => streams.close())
  const forward = createForward({ clusters: { find: () => cluster, all: () => [cluster] }, streams, maxRequestBody: () => 1000 })
  for (const [overrides, headers, code] of [[twice, jane, 'Internal'], [{}, line, 'MalformedHeader']] as const) {
    const letIn = admitted({ ...overrides, arrival: arrival({ rawHeaders: ['Host', 'localhost', ...headers] }) })
    await t.rejects(forward(letIn, exchangeOf(letIn.arrival)), { code })
  }
  t.equal(upstream.bytes, 0)
})

t.test('nor a request of our own that says who asks', async (t) => {
  const upstream = await startUpstream(t)
  const nothing = { authorization: undefined, certificate: undefined }
  for (const credential of [credentialOf('upstream-token'), { ...credentialOf('x'), present: () => nothing }]) {
    const cluster = clusterFor(t, upstream, { credential })
    for (const headers of [['Authorization', 'Bearer theirs'], ['authorization', 'Bearer upstream-token'], jane, ['X-Remote-User', 'jane']]) {
      await t.rejects(cluster.fetch('/version', headers), { code: 'Internal' }, headers.join())
    }
  }
  t.equal(upstream.bytes, 0)
})

function exchangeOf(arrived: ReturnType<typeof arrival>): Exchange {
  const reply: Reply = { started: false, closed: false, head() {}, write: () => true, end() {}, endCopy() {}, cut() {}, onDrain() {}, onClose() {} }
  return { arrival: arrived, body: undefined, invite() {}, reply, trail: trailOf() }
}
