// Two clusters whose name and path join to one string (CVE-2026-16158): never the other's answer.
import t from 'tap'
import { assertOurs, callerEntry, everyWay, startTarget } from '../support/attack-target.ts'
import { keyFor } from '../support/keys.ts'

const onlyA = keyFor('onlyofa0')
const everything = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] }, { nonResourceURLs: ['*'], verbs: ['*'] }]
const target = await startTarget(t, {
  clusters: ['a', 'b', 'a-b', 'api'],
  callers: [callerEntry('only-a', onlyA, everything, { clusters: ['a'] })],
})

for (const [name, upstream] of Object.entries(target.upstreams)) {
  upstream.answer((request) => {
    if (request.target.startsWith('/openapi/v3/') && request.target.includes('hash=old')) {
      return { status: 301, message: 'Moved', headers: ['Location', request.target.replace('old', 'new')] }
    }
    const groups = { kind: 'APIGroupList', apiVersion: 'v1', groups: [], from: name }
    return { status: 200, headers: ['Content-Type', 'application/json'], body: JSON.stringify(groups) }
  })
}

const served = async (way: 'plain' | 'tls' | 'http2', path: string) =>
  (JSON.parse((await target.send(way, { target: path })).body.toString()) as { from?: string }).from

for (const way of ['plain', 'tls', 'http2'] as const) {
  t.test(`${way}: every cluster answers for itself, cached and not`, async (t) => {
    for (const path of ['/apis', '/api', '/api/v1/namespaces/x/pods', '/b/api', '/clusters/a/api', '/b/apis', '/api/b/apis']) {
      for (let round = 0; round < 2; round += 1) {
        for (const name of ['a', 'b', 'a-b', 'api']) t.equal(await served(way, `/clusters/${name}${path}`), name, `${name} ${path}`)
        if (!path.startsWith('/clusters')) t.equal(await served(way, path), 'prod', `default ${path}`)
      }
    }
    t.equal(await served(way, '/clusters/prod/apis'), 'prod')
  })
}

t.test('what goes up has no prefix left', async (t) => {
  const b = target.upstreams.b!
  const seen = b.requests.length
  await target.send('tls', { target: '/clusters/b/api/v1/namespaces/x/pods?limit=1' })
  t.equal(b.requests[seen]?.target, '/api/v1/namespaces/x/pods?limit=1')
  assertOurs(t, b.requests[seen]!, 'b')
})

for (const way of everyWay) {
  t.test(`${way}: unknown and forbidden clusters answer alike`, async (t) => {
    const denied = { status: 403, code: 'ClusterDenied' }
    const answers = []
    for (const name of ['b', 'nowhere', 'prod']) {
      const { body } = await target.refused(t, way, { target: `/clusters/${name}/api/v1/namespaces/x/pods`, key: onlyA.key }, denied)
      // The line that would allow it has the name that was asked for, whether there is such a cluster or not.
      answers.push(body.toString().replaceAll(`, ${name}]`, ', *]'))
    }
    t.equal(new Set(answers).size, 1, 'the same words')
    const { body } = await target.refused(t, way, { target: '/clusters/A/api/v1/namespaces/x/pods', key: onlyA.key }, denied)
    t.notMatch(body.toString(), /clusters:/, 'no line for what can be no cluster\'s name')
  })
}

t.test('a redirect of b stays on b', async (t) => {
  for (const way of ['plain', 'tls'] as const) {
    const { headers, status } = await target.send(way, { target: '/clusters/b/openapi/v3/apis/apps/v1?hash=old' })
    t.equal(status, 301)
    t.equal(headers[headers.findIndex((name) => name.toLowerCase() === 'location') + 1], '/clusters/b/openapi/v3/apis/apps/v1?hash=new')
    const plain = await target.send(way, { target: '/openapi/v3/apis/apps/v1?hash=old' })
    t.equal(plain.headers[plain.headers.findIndex((name) => name.toLowerCase() === 'location') + 1], '/openapi/v3/apis/apps/v1?hash=new')
  }
})

t.test('no sink holds a secret', (t) => target.silentSinks(t, [onlyA.key]))
