// Headers by which some server behind us would believe another identity, address, method or path.
import t from 'tap'
import { assertOurs, everyWay, startTarget } from '../support/attack-target.ts'

const target = await startTarget(t)

const planted = [
  'X-Remote-User', 'system:admin', 'X-Remote-Group', 'system:masters', 'X-Remote-Extra-Scopes', 'all', 'x-remote-uid', '0',
  'X_Remote_User', 'system:admin', 'X_REMOTE-GROUP', 'system:masters', 'X_Forwarded_User', 'admin', 'X-Forwarded-User', 'admin',
  'X-Forwarded-Uri', '/api/v1/secrets', 'X-Forwarded-Host', 'other', 'X-Forwarded-Proto', 'http', 'X-Forwarded-Client-Cert', 'By=x',
  'X-Original-URL', '/api/v1/secrets', 'X-Original-URI', '/api/v1/secrets', 'X_Original_Url', '/x', 'X-Rewrite-URL', '/api/v1/secrets',
  'X-HTTP-Method-Override', 'DELETE', 'X_HTTP_Method_Override', 'DELETE', 'X-Method-Override', 'DELETE', 'X-HTTP-Method', 'DELETE',
  'Forwarded', 'for=10.0.0.1;host=other', 'Cookie', 'session=1', 'Audit-ID', '00000000-0000-4000-8000-000000000000', 'audit_id', 'mine',
  'X_Api_Key', 'x', 'X-Forwarded-For', '10.6.6.6', 'X_Forwarded_For', '10.6.6.6', 'Proxy-Authorization', 'Basic eDp5',
]

for (const way of everyWay) {
  t.test(`${way}: none of them reaches upstream`, async (t) => {
    const { request } = await target.forwarded(way, { headers: [...planted, 'X-Kept', 'yes'] })
    const names = new Set(request.headers.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase().replaceAll('_', '-')))
    const expected = ['audit-id', 'x-forwarded-for']
    const passed = planted.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase().replaceAll('_', '-'))
      .filter((name) => names.has(name) && !expected.includes(name))
    t.strictSame(passed, [])
    t.strictSame(request.all('x-forwarded-for'), ['127.0.0.1'])
    t.strictSame(request.all('x_forwarded_for'), [])
    t.match(request.all('audit-id'), [/^(?!0{8})[0-9a-f]{8}-/])
    t.strictSame(request.all('x-kept'), ['yes'])
    assertOurs(t, request, way)
  })
}

t.test('what the caller says of itself is not believed in the audit log either', async (t) => {
  const answered = await target.send('tls', { headers: planted })
  const id = answered.headers[answered.headers.findIndex((name) => name.toLowerCase() === 'audit-id') + 1] ?? ''
  const event = await target.tls.event(id)
  t.match(event, { user: { username: 'root' }, sourceIPs: ['127.0.0.1'], verb: 'list', requestURI: '/api/v1/namespaces/a/pods' })
})

t.test('no sink holds a secret', (t) => target.silentSinks(t))
