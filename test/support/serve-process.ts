import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { builtMain } from './built.ts'
import type { Scope } from './scope.ts'

export interface ServeOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** What a kubelet gives to a pod; the config is then the first argument, and there are no options. */
  readonly podFolder?: string
  /** What `npm run build` has made, in place of the sources: starts far sooner. */
  readonly built?: boolean
}

/** `portcullis serve` in a process of its own. */
export interface ServeProcess {
  /** Everything on stderr so far. */
  readonly stderr: string
  /** As it says itself when it listens; rejects with stderr where it ends instead. */
  readonly listening: Promise<{ readonly url: string, readonly admin: string, readonly pid: number }>
  readonly exited: Promise<number | null>
  /** By SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>
}

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Starts it with these arguments; it is killed with the test. */
export function startServe(t: Scope, args: readonly string[], { env = {}, cwd, podFolder, built = false }: ServeOptions = {}): ServeProcess {
  const command = podFolder === undefined ? [file('../../src/main.ts'), 'serve', ...args] : [file('serve-child.ts'), ...args, podFolder]
  const child = spawn(process.execPath, built ? [builtMain(), 'serve', ...args] : [...process.execArgv, ...command], {
    // What the test's own process needs to run TypeScript it needs as well; where this machine runs is no part of the test.
    env: { ...process.env, KUBERNETES_SERVICE_HOST: '', KUBERNETES_SERVICE_PORT: '', ...env }, ...cwd === undefined ? {} : { cwd }, stdio: ['ignore', 'ignore', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  let stderr = ''
  const exited = new Promise<number | null>(resolve => child.once('close', resolve))
  const listening = new Promise<{ url: string, admin: string, pid: number }>((resolve, reject) => {
    child.stderr.on('data', (text: Buffer) => {
      stderr += text.toString()
      const line = stderr.split('\n').slice(0, -1).find(line => line.includes('"msg":"listening"'))
      if (line !== undefined) resolve(JSON.parse(line) as { url: string, admin: string, pid: number })
    })
    void exited.then(() => reject(new Error(`it ended: ${stderr}`)))
  })
  // A test may want the end alone.
  listening.catch(() => {})
  return {
    get stderr() { return stderr },
    listening,
    exited,
    stop() {
      child.kill('SIGTERM')
      return exited
    },
  }
}
