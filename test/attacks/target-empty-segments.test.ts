// Empty segments, which some servers merge and some do not: CVE-2026-26205, CVE-2026-33808.
import t from 'tap'
import { everyWay, startTarget } from '../support/attack-target.ts'

const target = await startTarget(t, { clusters: ['b'] })

for (const way of everyWay) {
  t.test(`${way}: an empty segment is 400`, async (t) => {
    for (const path of [
      '//api/v1/secrets', '/api//v1', '/api/v1//secrets', '/api/v1/secrets//', '//', '///', '/api/v1/namespaces//pods', '//other.example/api',
      '/clusters//api', '/clusters/b//api/v1/secrets', '//clusters/b/api', '/api/v1/namespaces/a/pods/x/proxy//y', '/version//', '/api/v1//?watch=1',
    ]) {
      await target.refused(t, way, { target: path }, { status: 400, code: 'MalformedTarget' })
    }
  })
}

t.test('one trailing slash is no empty segment', async (t) => {
  for (const path of ['/api/v1/namespaces/a/pods/', '/clusters/b/api/v1/pods/'] as const) {
    const requests = target.upstreams.b!.requests.length
    await target.send('tls', { target: path })
    const request = path.startsWith('/clusters') ? target.upstreams.b!.requests[requests] : target.upstream.requests.at(-1)
    t.equal(request?.target, path.replace('/clusters/b', ''))
  }
})

t.test('no sink holds a secret', (t) => target.silentSinks(t))
