// The callers' side of HTTP/2: so many streams at a time on one connection.
import { connect } from 'node:http2'
import { performance } from 'node:perf_hooks'

export async function loadHttp2({ port, ca, path, keys, streams, seconds }) {
  const session = connect(`https://localhost:${port}`, { ca, lookup: (_host, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }]), settings: { initialWindowSize: 1024 * 1024 } })
  const latencies = []
  const statuses = new Map()
  let failed = 0
  session.on('error', () => { failed += 1 })
  const begun = performance.now()
  const end = begun + seconds * 1000
  await Promise.all(Array.from({ length: streams }, async (_, index) => {
    for (let turn = index; performance.now() < end && !session.destroyed; turn += 1) {
      const sent = performance.now()
      try {
        const status = await one(session, { ':path': path, authorization: `Bearer ${keys[turn % keys.length]}` })
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        latencies.push(performance.now() - sent)
      } catch {
        failed += 1
        break
      }
    }
  }))
  session.destroy()
  latencies.sort((a, b) => a - b)
  const at = (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0
  return { took: (performance.now() - begun) / 1000, failed, statuses: [...statuses], requests: latencies.length, p50: at(0.5), p99: at(0.99) }
}

function one(session, headers) {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers)
    let status = 0
    stream.on('response', (answer) => { status = answer[':status'] })
    stream.on('error', reject)
    stream.on('end', () => resolve(status))
    stream.resume()
    stream.end()
  })
}
