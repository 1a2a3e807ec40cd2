// One that floods: so many connections, each asking again as soon as it is answered, whatever the answer says. As cheap as it can be, for it shares the machine.
import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import { createSecureContext, connect } from 'node:tls'
import { serve } from './part.mjs'

let target
let sockets = []
let answered = 0

serve({
  aim({ port, ca }) {
    target = { port, secureContext: createSecureContext({ ca }) }
  },
  async begin({ connections, key }) {
    answered = 0
    const request = Buffer.from(`GET /api/v1/namespaces/a/pods/web-0 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n\r\n`)
    sockets = await Promise.all(Array.from({ length: connections }, open))
    for (const socket of sockets) flood(socket, request)
  },
  end() {
    for (const socket of sockets) socket.destroy()
    return { answered }
  },
})

async function open() {
  const socket = connect({ host: '127.0.0.1', servername: 'localhost', ...target })
  await once(socket, 'secureConnect')
  socket.setNoDelay(true)
  return socket
}

function flood(socket, request) {
  let left = 0
  socket.on('error', () => { /* at the end */ })
  socket.on('data', (chunk) => {
    // An answer is a head and a body of the length that it says; both come whole, or the rest in the next piece.
    if (left > 0) left -= chunk.length
    else {
      const end = chunk.indexOf('\r\n\r\n')
      const [, length] = /\r\nContent-Length: (\d+)/i.exec(chunk.latin1Slice(0, end)) ?? []
      left = end + 4 + Number(length) - chunk.length
    }
    if (left > 0) return
    left = 0
    answered += 1
    socket.write(request)
  })
  socket.write(request)
}
