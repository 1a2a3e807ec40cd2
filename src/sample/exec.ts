import type { PassThrough } from 'node:stream'
import type { Call } from './answer.ts'
import { failure } from './answer.ts'
import { acceptSpdy } from './exec-spdy.ts'
import { WebSocketExec } from './exec-websocket.ts'
import type { JsonObject, KubeObject } from './json.ts'
import { list, namespaceOf, text } from './json.ts'
import { containerOf } from './pod-log.ts'
import { read } from './reads.ts'
import { answer } from './router.ts'
import type { Upgrade } from './server.ts'
import type { Io } from './shell.ts'
import { run } from './shell.ts'
import { ApiError, badRequest } from './status.ts'
import { readTarget } from './target.ts'
import { toTerminal, typed } from './terminal.ts'
import type { World } from './world.ts'

/** One exec as the caller asked for it. */
export interface Asked {
  readonly command: readonly string[]
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  readonly tty: boolean
}

/** What carries the streams of an exec. */
export interface Carrier {
  readonly stdin: PassThrough
  /** Aborts when the caller goes. */
  readonly signal: AbortSignal
  write(stream: 'stdout' | 'stderr', chunk: string | Buffer): Promise<void>
  /** Delivers the outcome and closes. */
  finish(status: JsonObject): void
}

/** Serves `pods/exec` by WebSocket and SPDY; any other upgrade is answered as if it had not asked for one. */
export function createUpgrade(world: World): Upgrade {
  const webSockets = new WebSocketExec()
  return (call, request, socket, head) => {
    try {
      const target = readTarget(call.path, world.types)
      if (target?.subresource !== 'exec') return answer(world, call)
      const pod = read(world, target)
      const asked = askedOf(call, pod)
      const start = (carrier: Carrier) => void execute(asked, pod, carrier)
      const isSpdy = call.headers.upgrade?.toLowerCase() === 'spdy/3.1'
      return isSpdy ? acceptSpdy(request, socket, head, asked, start) : webSockets.accept(request, socket, head, asked, start)
    } catch (error) {
      if (error instanceof ApiError) return failure(error)
      throw error
    }
  }
}

function askedOf({ query }: Call, pod: KubeObject): Asked {
  containerOf(pod, query)
  const command = query.getAll('command')
  const on = (name: string) => query.get(name) === 'true' || query.get(name) === '1'
  if (command.length === 0) throw badRequest('you must specify at least 1 command for the container')
  const asked = { command, stdin: on('stdin'), stdout: on('stdout'), stderr: on('stderr') && !on('tty'), tty: on('tty') }
  if (!asked.stdin && !asked.stdout && !asked.stderr) throw badRequest('you must specify at least 1 of stdin, stdout, stderr')
  return asked
}

async function execute(asked: Asked, pod: KubeObject, carrier: Carrier): Promise<void> {
  if (!asked.stdin) carrier.stdin.end()
  try {
    carrier.finish(outcome(await run(asked.command, ioOf(asked, pod, carrier))))
  } catch (error) {
    carrier.finish({ metadata: {}, status: 'Failure', reason: 'InternalError', message: String(error), code: 500 })
  } finally {
    carrier.stdin.destroy()
  }
}

function ioOf({ stdin, stdout, stderr, tty }: Asked, pod: KubeObject, carrier: Carrier): Io {
  const silent = () => Promise.resolve()
  const write = (stream: 'stdout' | 'stderr') => (chunk: string | Buffer) => (chunk.length > 0 ? carrier.write(stream, chunk) : silent())
  const io = {
    stdin: carrier.stdin,
    stdout: stdout ? write('stdout') : silent,
    stderr: stderr ? write('stderr') : silent,
    env: environment(pod),
    signal: carrier.signal,
    prompt: '',
  }
  if (!tty) return io
  // A terminal has one screen: what is echoed, printed and complained of comes out the same way.
  const screen = toTerminal(io.stdout)
  return { ...io, stdin: stdin ? typed(io.stdin, io.stdout) : io.stdin, stdout: screen, stderr: screen, prompt: stdin ? '$ ' : '' }
}

/** The Status that ends an exec; client-go reads the exit code from its cause. */
function outcome(code: number): JsonObject {
  if (code === 0) return { metadata: {}, status: 'Success' }
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${code}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  }
}

function environment(pod: KubeObject): Record<string, string> {
  const declared = list(pod, 'spec', 'containers', 0, 'env').map((each) => [text(each, 'name'), text(each, 'value')])
  return {
    PATH: '/usr/bin:/bin',
    HOSTNAME: pod.metadata.name,
    POD_NAMESPACE: namespaceOf(pod),
    ...Object.fromEntries(declared) as Record<string, string>,
  }
}
