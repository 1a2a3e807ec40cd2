// A proxy in a process of its own, so that what it uses can be told from what its test uses. Started by proxy-process.ts.
import { makeAuthority } from './certificates.ts'
import { startProxy } from './proxy.ts'
import type { ChildAnswer, ChildQuestion } from './proxy-process.ts'

const stops: (() => unknown)[] = []
const answer = (message: ChildAnswer) => { process.send?.(message) }

process.on('message', (question: ChildQuestion) => void handle(question))
process.once('disconnect', () => void stop())

async function handle(question: ChildQuestion): Promise<void> {
  if (question.kind === 'memory') {
    // Twice: what the first found to be garbage is swept beside the program, and at the latest before the second.
    for (let i = 0; question.collect && i < 2; i += 1) globalThis.gc?.()
    const { rss, heapUsed, arrayBuffers } = process.memoryUsage()
    return answer({ kind: 'memory', rss, heapUsed, arrayBuffers })
  }
  const scope = { teardown: (stop: () => unknown) => { stops.unshift(stop) } }
  const { port, ca, url } = await startProxy(scope, { ...question.options, tls: makeAuthority() })
  answer({ kind: 'started', port, ca, url })
}

async function stop(): Promise<void> {
  for (const stop of stops) await stop()
  process.exit(0)
}
