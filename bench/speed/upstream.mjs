// The API server's side: as cheap as it can be, so that what is measured is in front of it. HTTP/1.1 over TLS, read by hand.
import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import process from 'node:process'
import { clearInterval, setInterval } from 'node:timers'
import { createServer } from 'node:tls'
import { serve } from '../support/part.mjs'
import { answersOf, bookmark, exec, watch } from './answers.mjs'

const piece = 64 * 1024

let answers
let authorization
let foreign = 0

serve({
  async start({ cert, key, token, port = 0 }) {
    answers = answersOf()
    authorization = `Bearer ${token}`
    const server = createServer({ cert, key, ALPNProtocols: ['http/1.1'] }, take)
    server.listen({ port, host: '127.0.0.1', backlog: 1024 })
    await once(server, 'listening')
    return { port: server.address().port, pid: process.pid }
  },
  /** Requests that came with another credential than ours. */
  foreign: () => foreign,
})

function take(socket) {
  socket.setNoDelay(true)
  socket.on('error', () => { /* its close says so */ })
  let left = ''
  let body = 0
  let request
  socket.on('data', (chunk) => {
    if (body > 0) {
      body -= chunk.length
      if (body <= 0) answer(socket, request)
      return
    }
    left += chunk.latin1Slice(0, chunk.length)
    for (let end = left.indexOf('\r\n\r\n'); end >= 0; end = left.indexOf('\r\n\r\n')) {
      request = read(left.slice(0, end))
      left = left.slice(end + 4)
      body = request.length - left.length
      if (request.length > 0) left = ''
      if (body <= 0) answer(socket, request)
    }
  })
}

function read(head) {
  if (!head.includes(authorization)) foreign += 1
  const target = head.slice(head.indexOf(' ') + 1, head.indexOf(' ', head.indexOf(' ') + 1))
  return { target, method: head.slice(0, head.indexOf(' ')), length: Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0), head }
}

function answer(socket, { target, method, head }) {
  if (target.startsWith(exec.path)) return void pump(socket, head)
  if (target.startsWith(watch)) return hold(socket, target)
  const { whole, large } = answers.get(`${method} ${target}`) ?? answers.get('missing')
  socket.write(whole)
  if (large !== undefined) void send(socket, large)
}

/** A watch: an event a second, until whoever asked leaves, or its `timeoutSeconds` are over. */
function hold(socket, target) {
  let left = Number(/[?&]timeoutSeconds=(\d+)/.exec(target)?.[1] ?? Infinity)
  const tell = () => socket.write(`${bookmark.length.toString(16)}\r\n${bookmark}\r\n`)
  socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n')
  tell()
  const telling = setInterval(() => {
    left -= 1
    if (left > 0) return tell()
    clearInterval(telling)
    socket.write('0\r\n\r\n')
  }, 1000)
  socket.once('close', () => clearInterval(telling))
}

/** As a socket takes it. */
async function send(socket, bytes) {
  const part = Buffer.alloc(piece, 'x')
  for (let sent = 0; sent < bytes && !socket.destroyed; sent += piece) {
    if (!socket.write(bytes - sent < piece ? part.subarray(0, bytes - sent) : part)) await taken(socket)
  }
}

/** Until it takes more, or nothing any more. */
function taken(socket) {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done).off('close', done)
      resolve()
    }
    socket.on('drain', done).on('close', done)
  })
}

/** A WebSocket on which the container talks: binary frames of channel 1 (stdout). */
async function pump(socket, head) {
  const { createHash } = await import('node:crypto')
  const key = /\r\nsec-websocket-key: *(\S+)/i.exec(head)?.[1] ?? ''
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n`)
  const frame = Buffer.concat([Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 0, 0x80, 0]), Buffer.alloc(0x8000, 1)])
  for (let sent = 0; sent < exec.bytes && !socket.destroyed; sent += frame.length) {
    if (!socket.write(frame)) await taken(socket)
  }
  socket.end(Buffer.from([0x88, 2, 0x03, 0xe8]))
}
