// The API server's side of watches, over TLS by HTTP/2 or HTTP/1.1, as is asked for: events with their time in them, spread evenly.
import { once } from 'node:events'
import { createSecureServer } from 'node:http2'
import { performance } from 'node:perf_hooks'
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { serve } from '../support/part.mjs'

const watches = []
const filling = 'x'.repeat(1000)
let port
let sent = 0
let speaking = false

serve({
  async start({ cert, key }) {
    const server = createSecureServer({ cert, key, allowHTTP1: true, settings: { maxConcurrentStreams: 250 } })
    server.on('stream', (stream, headers) => {
      stream.on('error', () => { /* its close says so */ })
      stream.respond({ ':status': 200, 'content-type': 'application/json' })
      add(stream, headers[':path'])
    })
    server.on('request', (request, response) => {
      if (request.httpVersionMajor === 2) return
      request.socket.setNoDelay(true)
      response.writeHead(200, { 'Content-Type': 'application/json' })
      add(response, request.url)
    })
    server.requestTimeout = 0
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 })
    await once(server, 'listening')
    ;({ port } = server.address())
    return { port, pid: process.pid }
  },
  /** From here on each watch gets an event every so many milliseconds. */
  speak({ every }) {
    sent = 0
    speaking = true
    for (const watch of watches) watch.number = 0
    void speak(every)
  },
  /** How many were sent since. */
  hush() {
    speaking = false
    return { sent, watches: watches.length }
  },
  /** As much as is taken of so many bytes, to the one watch that asked for a lot. */
  async pour({ bytes, within }) {
    const flood = watches.find(({ path }) => path.includes('flood'))
    const end = Date.now() + within
    let poured = 0
    while (poured < bytes && Date.now() < end) {
      const taken = flood.out.write(`{"type":"ADDED","object":{"filling":"${filling}"}}\n`)
      poured += filling.length
      if (!taken) await Promise.race([once(flood.out, 'drain'), pause(end - Date.now())])
    }
    return { poured }
  },
})

/** Its first event is at once, so that whoever opens it knows that it is open. */
function add(out, path) {
  // Those of the proxy itself, of what the API server serves, stay silent.
  if (!path.includes('/pods?')) return
  const watch = { out, path, number: 0 }
  out.on('close', () => watches.splice(watches.indexOf(watch), 1))
  if (path.includes('flood')) watches.unshift(watch)
  else watches.push(watch)
  out.write('{"type":"BOOKMARK","object":{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"1"}}}\n')
}

/** Milliseconds: what is due after a longer standstill of this process is not made up for, or it would all come at once. */
const standstill = 100

async function speak(every) {
  let [due, turn, before] = [0, 0, performance.now()]
  while (speaking) {
    const now = performance.now()
    due += Math.min(now - before, standstill) * watches.length / every
    before = now
    for (; turn < due; turn += 1) tell(watches[turn % watches.length])
    await pause(1)
  }
}

function tell(watch) {
  if (watch === undefined || watch.path.includes('flood')) return
  watch.number += 1
  sent += 1
  watch.out.write(`{"type":"BOOKMARK","object":{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"${watch.number}","annotations":{"sent":"${process.hrtime.bigint()}"}}}}\n`)
}
