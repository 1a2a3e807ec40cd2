// What a caller holds open at a proxy: watches and idle connections, each on a TCP connection of its own.
import { Agent, request } from 'node:https'
import { performance } from 'node:perf_hooks'

/** Opens a watch. `ended` resolves with when it was over (performance.now()) and whether by the protocol's own end. */
export function openWatch({ port, ca, key, path }) {
  return new Promise((resolve, reject) => {
    const asked = request({ host: 'localhost', port, ca, path, agent: false, headers: { authorization: `Bearer ${key}` } }, (answer) => {
      if (answer.statusCode !== 200) return reject(new Error(`a watch was answered ${answer.statusCode}`))
      const ended = new Promise((over) => {
        answer.once('close', () => over({ at: performance.now(), proper: answer.complete }))
      })
      answer.once('data', () => resolve({ ended }))
      answer.resume()
      answer.once('error', () => {})
    })
    asked.once('error', reject)
    asked.end()
  })
}

/** One connection that is kept; `ask` resolves with the status of a plain request on it. */
export function openConnection({ port, ca, key, path }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca })
  return {
    ask: () => new Promise((resolve, reject) => {
      const asked = request({ host: 'localhost', port, path, agent, headers: { authorization: `Bearer ${key}` } }, (answer) => {
        answer.resume()
        answer.once('end', () => resolve(answer.statusCode))
      })
      asked.once('error', reject)
      asked.end()
    }),
    close: () => agent.destroy(),
  }
}
