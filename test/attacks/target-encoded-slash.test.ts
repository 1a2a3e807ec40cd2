// An encoded slash is one segment to the policy and two to the backend: CVE-2021-29492, CVE-2026-6414.
// A namespace or an object that is named `proxy` opens no opaque tail.
import t from 'tap'
import { everyWay, startTarget } from '../support/attack-target.ts'

const target = await startTarget(t)

const paths = [
  '/api/v1/namespaces/a%2Fsecrets', '/api/v1/namespaces/a/pods/x%2Fexec', '/api/v1/namespaces/a/pods/x%2fexec', '/api%2Fv1/secrets',
  '/%2Fapi/v1/secrets', '/api/v1/namespaces/a%5Csecrets', '/api/v1/namespaces/a/pods/x%5cexec', '/api/v1/namespaces/a\\secrets',
  '/api/v1/namespaces/a/pods/x%252Fexec', '/api/v1/namespaces/a/pods/x%25%32%46exec', '/api/v1/namespaces/a/pods/x%00', '/api/v1/pods%0a',
  '/api/v1/pods%0d%0aX:%20y', '/api/v1/pods%7f', '/api/v1/pods%1f', '/api/v1/pods/%ff', '/api/v1/pods/%c0%af', '/api/v1/pods/%zz', '/api/v1/pods/%2',
  '/apis/apps%2Fv1/deployments', '/clusters%2Fprod/api', '/healthz%2F..', '/metrics%2Fx',
]

const named = [
  '/api/v1/namespaces/proxy/pods/x%2Fexec', '/api/v1/namespaces/a/pods/proxy/x%2Fy', '/api/v1/namespaces/a/configmaps/proxy%2Fx',
  '/api/v1/namespaces/proxy%2Fsecrets', '/api/v1/namespaces/a/pods/proxy%2Fexec', '/apis/proxy/v1/namespaces/a/x%2Fy', '/proxy/x%2Fy',
  '/api/v1/namespaces/a/pods/x/exec/proxy/x%2Fy', '/api/v1/namespaces/a/pods/x/log%2Fproxy',
]

for (const way of everyWay) {
  t.test(`${way}: encoded slashes, backslashes, controls and bad escapes are 400`, async (t) => {
    for (const path of paths) await target.refused(t, way, { target: path }, { status: 400, code: 'MalformedTarget' })
  })

  t.test(`${way}: a namespace or an object named proxy opens no opaque tail`, async (t) => {
    for (const path of named) await target.refused(t, way, { target: path }, { status: 400, code: 'MalformedTarget' })
  })
}

t.test('the tail of a resolved proxy subresource keeps its encoded slashes, byte for byte', async (t) => {
  for (const path of [
    '/api/v1/namespaces/a/services/https:web:443/proxy/a%2Fb?c=%2F', '/api/v1/namespaces/a/pods/x/proxy/x%20y%2Fz', '/api/v1/proxy/namespaces/a/pods/x/a%2Fb',
  ]) {
    const { request } = await target.forwarded('tls', { target: path })
    t.equal(request.target, path)
  }
})

t.test('no sink holds a secret', (t) => target.silentSinks(t))
