// The callers' side of watches: held open over TLS, by HTTP/1.1 each on a connection of its own or by HTTP/2 so many on one.
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import https from 'node:https'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { createSecureContext } from 'node:tls'
import { serve } from '../support/part.mjs'

const atOnce = 8
/** Milliseconds without another event until those that are missing are lost; counted by looks, as a machine may stand still. */
const patience = 3_000
const look = 20
let watches = []
let close = () => {}
/** Milliseconds on their way, of every event since `listen`. */
let delays = []
let [received, outOfOrder, ended] = [0, 0, 0]

serve({
  /** Opens so many, `streams` of them on a connection where that is HTTP/2, and holds them. Resolves when each has said something. */
  async open({ port, ca, path, keys, count, streams, flood }) {
    const target = { port, path, keys, secureContext: createSecureContext({ ca }) }
    const sessions = []
    const opener = streams === undefined ? () => openHttp1 : (index) => openHttp2(target, sessions, Math.floor(index / streams))
    let next = 0
    await Promise.all(Array.from({ length: atOnce }, async () => {
      while (next < count) {
        const index = next
        next += 1
        // The last one is told apart by its path.
        watches.push(await begun(await opener(index)(target, index, flood && index === count - 1 ? '&flood=1' : '')))
      }
    }))
    ended = 0
    close = () => {
      for (const { stream } of watches) stream.destroy()
      for (const session of sessions) session?.destroy()
      watches = []
    }
    return { open: watches.length }
  },
  close: () => close(),
  listen() {
    delays = []
    ;[received, outOfOrder] = [0, 0]
    for (const watch of watches) watch.number = 0
  },
  /** What came since `listen`, as soon as it is as many as were sent, or nothing more comes. */
  async heard({ sent }) {
    for (let quiet = 0; received < sent && quiet < patience;) {
      const before = received
      await pause(look)
      quiet = received > before ? 0 : quiet + look
    }
    delays.sort((a, b) => a - b)
    const at = (share) => delays[Math.min(delays.length - 1, Math.floor(delays.length * share))] ?? 0
    return { received, outOfOrder, ended, p50: at(0.5), p99: at(0.99), max: delays.at(-1) ?? 0 }
  },
  /** The one that is told apart reads no more. */
  stall: () => { watches.find(({ flood }) => flood).stream.pause() },
})

const options = ({ port, path, keys, secureContext }, index, more) => ({
  host: '127.0.0.1', servername: 'localhost', port, secureContext, path: path + more, agent: false,
  headers: { Authorization: `Bearer ${keys[index % keys.length]}`, 'User-Agent': 'kubectl/v1.35.0 (linux/amd64) kubernetes/6645204', Accept: 'application/json', 'Accept-Encoding': 'gzip' },
})

function openHttp1(target, index, more) {
  return new Promise((resolve, reject) => {
    const request = https.get(options(target, index, more), (response) => {
      if (response.statusCode !== 200) void text(response).then((said) => reject(new Error(`a watch was answered ${response.statusCode}: ${said}`)), reject)
      else resolve({ stream: response, flood: more !== '' })
    })
    request.on('error', reject)
  })
}

function openHttp2({ port, secureContext }, sessions, place) {
  sessions[place] ??= sessionTo({ port, secureContext })
  return async (target, index, more) => {
    const { path, headers } = options(target, index, more)
    const lowerCase = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
    const stream = sessions[place].request({ ':path': path, ...lowerCase })
    const [head] = await once(stream, 'response')
    if (head[':status'] !== 200) throw new Error(`a watch was answered ${head[':status']}`)
    return { stream, flood: more !== '' }
  }
}

function sessionTo({ port, secureContext }) {
  const session = connectHttp2(`https://localhost:${port}`, {
    secureContext, host: '127.0.0.1', servername: 'localhost', lookup: (_host, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }]), settings: { enablePush: false },
  })
  session.on('error', () => { /* its streams say so */ })
  return session
}

/** Resolves when it has said something. */
function begun({ stream, flood }) {
  const watch = { stream, flood, number: 0 }
  stream.on('error', () => { /* its close says so */ })
  stream.on('close', () => { ended += 1 })
  return new Promise((resolve, reject) => {
    stream.once('close', () => reject(new Error('a watch ended before its first event')))
    stream.on('data', (chunk) => {
      resolve(watch)
      hear(watch, chunk)
    })
  })
}

function hear(watch, chunk) {
  const now = process.hrtime.bigint()
  if (watch.flood) return
  const events = chunk.latin1Slice()
  for (let at = events.indexOf('"sent":"'); at >= 0; at = events.indexOf('"sent":"', at + 1)) {
    delays.push(Number(now - BigInt(events.slice(at + 8, events.indexOf('"', at + 8)))) / 1e6)
    const before = events.lastIndexOf('"resourceVersion":"', at) + 19
    watch.number += 1
    received += 1
    if (Number(events.slice(before, events.indexOf('"', before))) !== watch.number) outOfOrder += 1
  }
}
