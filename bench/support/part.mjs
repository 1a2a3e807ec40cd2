// One process of a benchmark, asked and answered over IPC.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { fileURLToPath, URL } from 'node:url'

/** Starts `file` (beside this one); `ask` resolves with what its handler of that name returns. */
export function startPart(file) {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), { execArgv: [] })
  const waiting = new Map()
  let questions = 0
  child.on('message', ({ number, result, error }) => {
    const { resolve, reject } = waiting.get(number)
    waiting.delete(number)
    if (error === undefined) resolve(result)
    else reject(new Error(`${file}: ${error}`))
  })
  child.once('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`${file} ended with ${code}`))
    waiting.clear()
  })
  return {
    pid: child.pid,
    ask: (name, options = {}) => new Promise((resolve, reject) => {
      questions += 1
      waiting.set(questions, { resolve, reject })
      child.send({ number: questions, name, options }, (error) => { if (error) reject(error) })
    }),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

/** In the part's own process: answers by these handlers until the parent is gone. */
export function serve(handlers) {
  process.on('message', async ({ number, name, options }) => {
    try {
      process.send({ number, result: await handlers[name](options) })
    } catch (error) {
      process.send({ number, error: String(error) })
    }
  })
  process.once('disconnect', () => process.exit())
}
