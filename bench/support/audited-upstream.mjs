// The API server's side of the audit runs: it answers everything, and remembers by its Audit-ID what reached it.
import { once } from 'node:events'
import https from 'node:https'
import { serve } from './part.mjs'

const seen = []

serve({
  async start({ cert, key }) {
    const server = https.createServer({ cert, key, keepAliveTimeout: 120_000 }, (request, response) => {
      // What Portcullis asks for itself has none.
      const id = request.headers['audit-id']
      if (id !== undefined) seen.push(id)
      request.resume().once('end', () => response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 2 }).end('{}'))
    })
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 })
    await once(server, 'listening')
    return { url: `https://127.0.0.1:${server.address().port}` }
  },
  /** Since the last time it was asked. */
  seen: () => seen.splice(0),
})
