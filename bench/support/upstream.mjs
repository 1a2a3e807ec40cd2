// The API server's side: a pod of 1.9 KB for whoever asks, and watches that stay silent until told to speak.
import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import https from 'node:https'
import { serve } from './part.mjs'

const pod = Buffer.from(JSON.stringify({
  apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web-0', namespace: 'a', annotations: { filling: 'x'.repeat(1790) } },
}))
const event = `${JSON.stringify({ type: 'BOOKMARK', object: { kind: 'Pod', apiVersion: 'v1', metadata: { resourceVersion: '1' } } })}\n`
const watches = new Set()

serve({
  async start({ cert, key }) {
    const server = https.createServer({ cert, key, keepAliveTimeout: 120_000 }, answer)
    server.requestTimeout = 0
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 })
    await once(server, 'listening')
    return { url: `https://127.0.0.1:${server.address().port}` }
  },
  speak() {
    for (const response of watches) response.write(event)
    return { watches: watches.size }
  },
})

function answer(request, response) {
  if (request.url.startsWith('/api/v1/namespaces/a/pods?watch=')) {
    response.writeHead(200, { 'Content-Type': 'application/json' })
    response.write(event)
    watches.add(response)
    response.once('close', () => watches.delete(response))
  } else if (request.url === '/api/v1/namespaces/a/pods/web-0') {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': pod.length }).end(pod)
  } else {
    response.writeHead(404, { 'Content-Type': 'application/json' }).end('{"kind":"Status","code":404}')
  }
}
