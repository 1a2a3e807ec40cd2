import t from 'tap'
import { headerValues } from '../../src/headers/read.ts'
import { assertUpstream, upstreamHeaders, type UpstreamRequest } from '../../src/headers/request.ts'

const ours: UpstreamRequest = {
  rawHeaders: [],
  host: 'api.example:6443',
  authorization: 'Bearer upstream',
  auditId: '11111111-2222-3333-4444-555555555555',
  sourceIPs: ['10.1.2.3', '10.0.0.1'],
}

const sent = (rawHeaders: string[], more: Partial<UpstreamRequest> = {}) => upstreamHeaders({ ...ours, ...more, rawHeaders })

t.test('what a caller sends is kept in order and case, and ours stand around it', async (t) => {
  t.strictSame(sent(['Host', 'proxy', 'aCCept', 'a/b', 'X-One', '1', 'x-one', '2', 'User-Agent', 'kubectl']), [
    'Host', 'api.example:6443',
    'aCCept', 'a/b', 'X-One', '1', 'x-one', '2', 'User-Agent', 'kubectl',
    'Audit-ID', ours.auditId, 'X-Forwarded-For', '10.1.2.3, 10.0.0.1', 'Authorization', 'Bearer upstream',
  ])
})

t.test('credentials and what other proxies are trusted to say never pass', async (t) => {
  const names = [
    'Authorization', 'X-API-Key', 'Cookie', 'Proxy-Authorization', 'X-Remote-User', 'X-Remote-Group', 'X-Remote-Extra-Scopes',
    'X_Remote_User', 'X-Forwarded-For', 'X-Forwarded-Uri', 'X_Forwarded_User', 'Forwarded', 'X-Original-URL', 'X-Original-Method',
    'X-HTTP-Method-Override', 'X_HTTP_Method_Override', 'Audit-ID', 'Impersonate-User', 'impersonate_user', 'Expect',
    'Keep-Alive', 'TE', 'Trailer', 'Transfer-Encoding', 'Upgrade', 'HTTP2-Settings', 'Proxy-Connection',
    'Proxy_Authorization', 'Transfer_Encoding', 'Keep_Alive',
  ]
  for (const name of names) {
    t.strictSame(sent([name, 'evil']), sent([]), name)
    t.strictSame(sent([name.toLowerCase(), 'evil']), sent([]), name.toLowerCase())
  }
})

t.test('what any Connection line names is dropped, but never what we set', async (t) => {
  const headers = sent(['Connection', '', 'Connection', 'close,  X-Drop , authorization, Audit-ID', 'x-drop', '1', 'X-Keep', '2'])
  t.strictSame(headerValues(headers, 'x-drop'), [])
  t.strictSame(headerValues(headers, 'x-keep'), ['2'])
  t.strictSame(headerValues(headers, 'authorization'), ['Bearer upstream'])
  t.strictSame(headerValues(headers, 'audit-id'), [ours.auditId])
  t.strictSame(headerValues(headers, 'connection'), [])
})

t.test('under a client certificate there is no Authorization at all', async (t) => {
  t.strictSame(headerValues(sent(['Authorization', 'Bearer pcl'], { authorization: undefined }), 'authorization'), [])
})

t.test('a configured impersonation is set, a line a group', async (t) => {
  const headers = sent(['Impersonate-Group', 'system:masters'], { impersonate: { user: 'tool:ci', groups: ['tools', 'ci'] } })
  t.strictSame(headerValues(headers, 'impersonate-user'), ['tool:ci'])
  t.strictSame(headerValues(headers, 'impersonate-group'), ['tools', 'ci'])
})

t.test("the caller's own impersonation passes only where it was let through", async (t) => {
  const asked = ['Impersonate-User', 'jane', 'Impersonate-Group', 'a', 'Impersonate-Group', 'b']
  t.strictSame(sent(asked), sent([]))
  t.strictSame(headerValues(sent(asked, { keepImpersonation: true }), 'impersonate-group'), ['a', 'b'])
  t.strictSame(headerValues(sent(['impersonate_user', 'x'], { keepImpersonation: true }), 'impersonate_user'), [])
})

t.test('an impersonation that was judged is sent, though Connection nominates it', async (t) => {
  const asked = ['Connection', 'Impersonate-User, impersonate-group, Impersonate-Extra-a', 'Impersonate-User', 'jane', 'Impersonate-Group', 'a', 'Impersonate-Extra-a', 'b']
  const headers = sent(asked, { keepImpersonation: true })
  for (const [name, value] of [['impersonate-user', 'jane'], ['impersonate-group', 'a'], ['impersonate-extra-a', 'b']] as const) {
    t.strictSame(headerValues(headers, name), [value], name)
  }
})

t.test('the bearer subprotocol is cut out, and must leave another one', async (t) => {
  const bearer = 'base64url.bearer.authorization.k8s.io.cGNs'
  const headers = sent(['Sec-WebSocket-Protocol', `${bearer}, v5.channel.k8s.io`, 'sec-websocket-protocol', 'v4.channel.k8s.io'], { upgrade: 'websocket' })
  t.strictSame(headerValues(headers, 'sec-websocket-protocol'), ['v5.channel.k8s.io, v4.channel.k8s.io'])
  t.strictSame(headerValues(headers, 'upgrade'), ['websocket'])
  t.strictSame(headerValues(headers, 'connection'), ['Upgrade'])
  t.throws(() => sent(['Sec-WebSocket-Protocol', bearer], { upgrade: 'websocket' }), { code: 'MalformedHeader' })
  t.strictSame(headerValues(sent(['Sec-WebSocket-Protocol', 'a', 'Sec-WebSocket-Protocol', 'b, c']), 'sec-websocket-protocol'), ['a', 'b, c'])
})

t.test('the last look refuses what must not leave', async (t) => {
  const good = ['Host', 'h', 'Audit-ID', 'x', 'Authorization', 'Bearer upstream']
  t.doesNotThrow(() => assertUpstream(good, ours))
  const bad = {
    'a second Authorization': [...good, 'authorization', 'Bearer upstream'],
    'a foreign Authorization': ['Host', 'h', 'Audit-ID', 'x', 'Authorization', 'Bearer other'],
    'no Authorization': ['Host', 'h', 'Audit-ID', 'x'],
    'a second Audit-ID': [...good, 'audit-id', 'y'],
    'a second Host': [...good, 'host', 'y'],
    'an Impersonate header': [...good, 'Impersonate-Group', 'system:masters'],
  }
  for (const [what, headers] of Object.entries(bad)) t.throws(() => assertUpstream(headers, ours), { code: 'Internal' }, what)
  t.throws(() => assertUpstream([...good, 'X-A', 'b\r\nX-C: d'], ours), { code: 'MalformedHeader' })
})
