import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { builtMain } from './built.ts'
import type { Scope } from './scope.ts'

export interface ServeOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** What a kubelet gives to a pod; the config is then the first argument, and there are no options. */
  readonly podFolder?: string
}

/** `portcullis serve` in a process of its own, as `npm run build` has made it: from the sources it would start twenty times as slowly. */
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
export function startServe(t: Scope, args: readonly string[], { env = {}, cwd, podFolder }: ServeOptions = {}): ServeProcess {
  const main = builtMain()
  const child = spawn(process.execPath, podFolder === undefined ? [main, 'serve', ...args] : [file('serve-child.mjs'), ...args, podFolder], {
    // Where this machine runs is no part of the test.
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
