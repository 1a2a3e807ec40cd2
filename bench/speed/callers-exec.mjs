// The callers' side of an exec by WebSocket: bytes that come out of a container are counted.
import { performance } from 'node:perf_hooks'

/** Resolves when `bytes` have come; rejects where they do not. */
export function openExec(dial, { path, bytes, key }) {
  return new Promise((resolve, reject) => {
    const socket = dial()
    const begun = performance.now()
    let head = ''
    let received = 0
    let switched = false
    const done = () => {
      socket.destroy()
      resolve({ requests: 1, failed: 0, statuses: [], took: (performance.now() - begun) / 1000, p50: 0, p99: 0 })
    }
    socket.on('data', (chunk) => {
      if (switched) {
        received += chunk.length
        if (received >= bytes) done()
        return
      }
      head += chunk.latin1Slice(0, chunk.length)
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      if (!head.startsWith('HTTP/1.1 101 ')) return reject(new Error(`exec was answered ${head.slice(0, 200)}`))
      switched = true
      received = head.length - end - 4
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`an exec ended after ${received} bytes`)))
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\nAuthorization: Bearer ${key}\r\n\r\n`)
  })
}
