import { spawn, type ChildProcessByStdio } from 'node:child_process'
import type { Readable } from 'node:stream'

export interface ExecCommand {
  /** A path, or a name to be found on the PATH of `env`. */
  readonly command: string
  readonly args: readonly string[]
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>
  /** Milliseconds until it must have ended. */
  readonly timeout: number
}

export interface ExecOutput {
  readonly stdout: string
  /** Its beginning; as it was written, so not for the log. */
  readonly stderr: string
}

/** A plugin that gave no answer. The message repeats nothing that it wrote. */
export class ExecFailure extends Error {
  override readonly name = 'ExecFailure'
  readonly stderr: string

  constructor(message: string, stderr: string) {
    super(message)
    this.stderr = stderr
  }
}

type Child = ChildProcessByStdio<null, Readable, Readable>

const maxOutput = 1 << 20
const maxStderr = 8192

/**
 * Runs a plugin to its end, without a shell and without anything to read. One that takes too long or
 * writes too much is killed, with all that it started; where `signal` is aborted already it is not run
 * at all. Rejects with ExecFailure, or with the signal's reason.
 */
export function runPlugin(options: ExecCommand, signal: AbortSignal): Promise<ExecOutput> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const child = start(options)
    const stdout = gather(child.stdout, maxOutput, () => giveUp(`wrote more than ${maxOutput} bytes`))
    const stderr = gather(child.stderr, maxStderr)
    const timer = setTimeout(() => giveUp(`did not come to its end within ${options.timeout / 1000} s`), options.timeout)
    const abort = () => giveUp('was stopped: it is no longer needed')
    const relax = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    }
    const fail = (message: string) => {
      relax()
      reject(new ExecFailure(message, stderr.text()))
    }
    function giveUp(message: string): void {
      fail(message)
      kill(child)
    }
    signal.addEventListener('abort', abort, { once: true })
    child.once('error', error => fail(whyNotStarted(error)))
    // After its output has ended too: whoever it left behind with it is waited for, as client-go does.
    child.once('close', (code, signalName) => {
      if (code !== 0) return fail(signalName === null ? `ended with exit code ${code}` : `was ended by ${signalName}`)
      relax()
      resolve({ stdout: stdout.text(), stderr: stderr.text() })
    })
  })
}

/** In a process group of its own, so that all of it can be killed. */
function start({ command, args, env }: ExecCommand): Child {
  try {
    return spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], shell: false, detached: true, windowsHide: true })
  } catch (error) {
    // Node repeats the argument that it does not like.
    throw new ExecFailure(whyNotStarted(error as Error), '')
  }
}

function whyNotStarted(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT': return 'was not found: is the plugin installed on this machine, on PATH or at that path, with the interpreter that it names?'
    case 'EACCES': return 'may not be executed: permission denied'
    default: return `could not be started: ${error.code ?? 'unknown error'}`
  }
}

function kill(child: Child): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  } catch {
    child.kill('SIGKILL')
  }
  // One that left the group may hold them open still.
  child.stdout.destroy()
  child.stderr.destroy()
}

/** Up to `limit` bytes of it; the rest is read and dropped. `full` is called when there is more. */
function gather(stream: Readable, limit: number, full: () => void = () => {}): { text(): string } {
  const chunks: Buffer[] = []
  let size = 0
  stream.on('data', (chunk: Buffer) => {
    if (size < limit) chunks.push(chunk.subarray(0, limit - size))
    size += chunk.length
    if (size > limit) full()
  })
  return { text: () => Buffer.concat(chunks).toString() }
}
