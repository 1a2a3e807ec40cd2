// The callers' side of the audit runs: so many connections, each one request after the other, whoever answers or does not.
import https from 'node:https'
import { setTimeout as pause } from 'node:timers/promises'
import { createSecureContext } from 'node:tls'
import { serve } from './part.mjs'

let target
let running = false
let workers = []
let result

serve({
  aim({ port, ca, key }) {
    target = { port, key, secureContext: createSecureContext({ ca }) }
  },
  begin({ connections, pace = 0 }) {
    result = { requests: 0, lost: 0, statuses: {}, answered: [] }
    running = true
    workers = Array.from({ length: connections }, () => work(pace))
  },
  /** Answers so far. */
  count: () => result.answered.length,
  /** Of them, those that were answered well. */
  served: () => result.statuses[200] ?? 0,
  /** Resolves when nothing is under way: requests sent, those that nothing came back for, answers by status, and the Audit-Id of each answer. */
  async finish() {
    running = false
    await Promise.all(workers)
    return result
  },
})

async function work(pace) {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 })
  while (running) {
    result.requests += 1
    const status = await one(agent).catch(() => undefined)
    if (status === undefined) {
      result.lost += 1
      // It may be down.
      await pause(20)
    } else {
      result.statuses[status] = (result.statuses[status] ?? 0) + 1
      if (pace > 0) await pause(pace)
    }
  }
  agent.destroy()
}

function one(agent) {
  const { port, key, secureContext } = target
  return new Promise((resolve, reject) => {
    const request = https.get({
      host: '127.0.0.1', servername: 'localhost', port, secureContext, agent, path: '/api/v1/namespaces/a/pods/web-0', headers: { Authorization: `Bearer ${key}` },
    }, (response) => {
      // With the head: from here on somebody was told.
      result.answered.push(response.headers['audit-id'])
      response.on('error', reject)
      response.on('end', () => resolve(response.statusCode))
      response.resume()
    })
    request.setTimeout(20_000, () => request.destroy(new Error('no answer')))
    request.on('error', reject)
  })
}
