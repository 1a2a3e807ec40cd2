// Watches over HTTP/2 to a real API server, where KUBEBUILDER_ASSETS names the binaries of one.
import { once } from 'node:events'
import { constants } from 'node:http2'
import t from 'tap'
import { request, Agent } from 'undici'
import { callerEntry } from '../support/attack-target.ts'
import { makeAuthority } from '../support/certificates.ts'
import { startApiServer, whyNoApiServer } from '../support/envtest.ts'
import { connectHttp2 } from '../support/http2-client.ts'
import { keyFor } from '../support/keys.ts'
import { startProxy } from '../support/proxy.ts'
import { startTcpFront } from '../support/tcp-front.ts'

t.setTimeout(300_000)

const key = keyFor('watcher0')
const rules = [{ verbs: ['get', 'list', 'watch'], apiGroups: [''], resources: ['configmaps'], namespaces: ['default'] }]
const watches = 150

const reason = await whyNoApiServer()
t.test('150 watches of a real API server are streams of few connections, hear every change, and go on when it sends clients elsewhere', reason === undefined ? {} : { skip: reason }, async (t) => {
  // Every request has its connection told to go elsewhere by GOAWAY, as behind a load balancer (apiserver, filters/goaway.go): here one in fifty.
  const server = await startApiServer(t, ['--goaway-chance=0.02'])
  const front = await startTcpFront(t, Number(new URL(server.url).port))
  const proxy = await startProxy(t, {
    upstreams: { prod: { url: `https://localhost:${front.port}`, ca: server.ca } }, token: server.adminToken, http2: true, tls: makeAuthority(),
    callers: { callers: [callerEntry('watcher', key, rules)] },
  })
  const clients = [await connectHttp2(t, proxy), await connectHttp2(t, proxy)]
  const streams = Array.from({ length: watches }, (_, at) =>
    clients[at % 2]!.open('GET', '/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=0', { authorization: `Bearer ${key.key}` }))
  const texts = streams.map(() => '')
  streams.forEach((stream, at) => stream.setEncoding('utf8').on('data', (text: string) => { texts[at] += text }))
  const heads = await Promise.all(streams.map(async stream => (await once(stream, 'response'))[0] as Record<string, unknown>))
  t.ok(heads.every(head => head[':status'] === 200))

  const agent = new Agent({ connect: { ca: server.ca } })
  t.teardown(() => agent.destroy())
  for (let at = 0; at < 5; at += 1) {
    const { statusCode, body } = await request(`${server.url}/api/v1/namespaces/default/configmaps`, {
      method: 'POST', dispatcher: agent, headers: { 'authorization': `Bearer ${server.adminToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `change-${at}` } }),
    })
    await body.dump()
    t.equal(statusCode, 201)
  }
  while (!texts.every(text => text.includes('"name":"change-4"'))) await new Promise(resolve => setTimeout(resolve, 20))
  t.ok(texts.every(text => [0, 1, 2, 3, 4].every(at => text.includes(`"name":"change-${at}"`))), 'all of them heard all')
  t.ok(streams.every(stream => !stream.closed), 'and none has ended')
  t.ok(front.accepted < 50, `${front.accepted} connections for all of it`)
  t.comment(`${front.accepted} connections to the API server`)
  for (const stream of streams) stream.close(constants.NGHTTP2_CANCEL)
})
