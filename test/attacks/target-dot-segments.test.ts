// Dot segments, plain and encoded, once and twice: authorized as one path, served as another.
import t from 'tap'
import { everyWay, startTarget } from '../support/attack-target.ts'

const target = await startTarget(t, { clusters: ['b'] })

const dots = [
  '..', '.', '%2e%2e', '%2E%2e', '.%2e', '%2e.', '%2e', '%252e%252e', '%252E%252e', '%25%32%65%25%32%65', '%25252e%25252e',
  '..%2f', '%2e%2e%2f', '..%5c', '..\\', '%2e%2e\\', '..;', '..;x=1', '%2e%2e;', '.;', '..%00', '..%09', '%c0%ae%c0%ae', '%u002e%u002e',
]

for (const way of everyWay) {
  t.test(`${way}: no dot segment passes, wherever it stands`, async (t) => {
    for (const dot of dots) {
      for (const path of [`/api/v1/namespaces/a/pods/${dot}/secrets`, `/api/v1/namespaces/a/${dot}`]) {
        await target.refused(t, way, { target: path }, { status: 400, code: 'MalformedTarget' })
      }
    }
    for (const path of [
      '/clusters/b/../prod/api', '/clusters/b/%2e%2e/%2e%2e/api/v1/secrets', '/clusters/../api/v1/secrets', '/../api', '/version/..',
      '/api/v1/namespaces/a/pods/x/proxy/../../secrets', '/api/v1/namespaces/a/pods/x/proxy/%2e%2e/%2e%2e/secrets',
      '/api/v1/namespaces/a/services/x/proxy/%252e%252e/y', '/api/v1/namespaces/a/pods/x/proxy/..%2f..%2fsecrets',
      '/api/v1/namespaces/a/pods/x/proxy/a%2f..%2f..%2fb',
    ]) {
      await target.refused(t, way, { target: path }, { status: 400, code: 'MalformedTarget' })
    }
  })
}

t.test('names that only look like dots pass as they are', async (t) => {
  for (const path of ['/api/v1/namespaces/a/configmaps/kube-root-ca.crt', '/api/v1/namespaces/a/configmaps/...', '/api/v1/namespaces/a/pods/x/proxy/a.b/..c']) {
    const { request } = await target.forwarded('tls', { target: path })
    t.equal(request.target, path)
  }
})

t.test('no sink holds a secret', (t) => target.silentSinks(t))
