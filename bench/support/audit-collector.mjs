// Takes audit events by POST, and can be away.
import { once } from 'node:events'
import http from 'node:http'
import { serve } from './part.mjs'

const events = new Set()
const sockets = new Set()
let server
let port = 0

serve({
  async listen() {
    server = http.createServer(take)
    server.on('connection', (socket) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    })
    server.listen({ port, host: '127.0.0.1' })
    await once(server, 'listening')
    port = server.address().port
    return { url: `http://127.0.0.1:${port}/` }
  },
  async leave() {
    server.close()
    for (const socket of sockets) socket.destroy()
    await once(server, 'close')
  },
  count: () => events.size,
  /** `auditID stage` of each that it took, once; from here on it begins anew. */
  taken() {
    const all = [...events]
    events.clear()
    return all
  },
})

async function take(request, response) {
  let text = ''
  try {
    for await (const chunk of request.setEncoding('utf8')) text += chunk
    for (const { auditID, stage } of JSON.parse(text).items) events.add(`${auditID} ${stage}`)
    response.end('{}')
  } catch {
    // It was left in the middle: nothing of it is taken.
    response.destroy()
  }
}
