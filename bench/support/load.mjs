// The callers' side: short requests at a steady rate, whatever comes back when, and watches that are only held.
import https from 'node:https'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { createSecureContext } from 'node:tls'
import { serve } from './part.mjs'

/** Tools keep their connections; a request that finds all of them busy waits, and its waiting counts. */
const agent = new https.Agent({ keepAlive: true, maxSockets: 50, scheduling: 'fifo' })
const watches = []
let target

serve({
  aim({ port, ca, key }) {
    target = { port, key, secureContext: createSecureContext({ ca }) }
  },
  run: measure,
  async watch({ count, atOnce }) {
    let left = count
    const opener = async () => {
      while (left > 0) {
        left -= 1
        watches.push(await openWatch())
      }
    }
    await Promise.all(Array.from({ length: atOnce }, opener))
    return { open: watches.length }
  },
  /** From here on every watch is to hear one event. */
  listen() {
    for (const watch of watches) watch.heard = false
  },
  async heard({ within }) {
    const count = () => watches.filter(({ heard }) => heard).length
    for (const end = performance.now() + within; count() < watches.length && performance.now() < end;) await pause(20)
    return count()
  },
})

function options(path, more) {
  const { port, key, secureContext } = target
  return { host: '127.0.0.1', servername: 'localhost', port, secureContext, path, headers: { Authorization: `Bearer ${key}` }, ...more }
}

/** Resolves when the watch has said something. */
function openWatch() {
  return new Promise((resolve, reject) => {
    const request = https.get(options('/api/v1/namespaces/a/pods?watch=true', { agent: false }), (response) => {
      if (response.statusCode !== 200) reject(new Error(`a watch was answered ${response.statusCode}`))
      const watch = { heard: false }
      response.on('data', () => {
        watch.heard = true
        resolve(watch)
      })
      response.on('error', () => { /* then it hears nothing any more */ })
    })
    request.on('error', reject)
  })
}

/** Sends `rate` requests a second for `seconds`, whatever becomes of those before; milliseconds to the last byte of each. */
async function measure({ rate, seconds }) {
  const latencies = []
  let failed = 0
  const requests = []
  const begun = performance.now()
  for (let sent = 0; sent < rate * seconds;) {
    const wait = begun + sent * 1000 / rate - performance.now()
    if (wait > 0) {
      await pause(wait)
      continue
    }
    sent += 1
    requests.push(one().then((latency) => latencies.push(latency), () => { failed += 1 }))
  }
  const took = (performance.now() - begun) / 1000
  await Promise.all(requests)
  latencies.sort((a, b) => a - b)
  const at = (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))]
  return { requests: latencies.length, failed, rate: rate * seconds / took, p50: at(0.5), p99: at(0.99), max: latencies.at(-1) }
}

function one() {
  return new Promise((resolve, reject) => {
    const begun = performance.now()
    const request = https.get(options('/api/v1/namespaces/a/pods/web-0', { agent }), (response) => {
      response.on('error', reject)
      response.on('end', () => response.statusCode === 200 ? resolve(performance.now() - begun) : reject(new Error(`${response.statusCode}`)))
      response.resume()
    })
    request.on('error', reject)
  })
}
