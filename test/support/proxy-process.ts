import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ProxyOptions } from './proxy.ts'
import { Queue } from './queue.ts'
import type { Scope } from './scope.ts'

export type ChildQuestion =
  | { readonly kind: 'start', readonly options: Omit<ProxyOptions, 'tls'> }
  | { readonly kind: 'memory', readonly collect: boolean }

export type ChildAnswer = Started | MemoryUse

interface Started {
  readonly kind: 'started'
  readonly port: number
  /** PEM. */
  readonly ca: string
  readonly url: string
}

/** Bytes. */
export interface MemoryUse {
  readonly kind: 'memory'
  readonly rss: number
  readonly heapUsed: number
  readonly arrayBuffers: number
}

export interface ProxyProcess extends Omit<Started, 'kind'> {
  /** As it is now, or after a full garbage collection. */
  memory(options?: { readonly collect?: boolean }): Promise<MemoryUse>
}

/** The real product in a process that holds nothing else, over TLS with an authority of its own. */
export async function startProxyProcess(t: Scope, options: Omit<ProxyOptions, 'tls'>): Promise<ProxyProcess> {
  const child = fork(fileURLToPath(new URL('proxy-child.ts', import.meta.url)), { execArgv: [...process.execArgv, '--expose-gc'] })
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    if (child.connected) child.disconnect()
    else child.kill()
    await gone
    // Its own teardowns ran there, among them the one that looks for leaks.
    if (child.exitCode !== null && child.exitCode !== 0) throw new Error(`the proxy's process ended with ${child.exitCode}: see above`)
  })
  const answers = new Queue<ChildAnswer | undefined>()
  child.on('message', (answer: ChildAnswer) => answers.put(answer))
  child.once('exit', () => answers.finish(undefined))
  const ask = async <Kind extends ChildAnswer['kind']>(question: ChildQuestion, kind: Kind): Promise<Extract<ChildAnswer, { kind: Kind }>> => {
    child.send(question)
    const answer = await answers.take()
    if (answer?.kind !== kind) throw new Error(`the proxy's process ended with ${child.exitCode ?? child.signalCode}`)
    return answer as Extract<ChildAnswer, { kind: Kind }>
  }
  const { port, ca, url } = await ask({ kind: 'start', options }, 'started')
  return { port, ca, url, memory: ({ collect = false } = {}) => ask({ kind: 'memory', collect }, 'memory') }
}
