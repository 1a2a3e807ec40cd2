import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, rename } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { lastOf, pairsOf, type Dockerfile, type Instruction, type Stage } from './dockerfile.ts'

/** What a stage has come to: its root is a folder, for there is no container here. */
interface Built {
  readonly root: string
  /** Absolute, as in the Dockerfile. */
  workdir: string
  readonly env: Record<string, string>
}

export interface Image {
  readonly root: string
  /** Starts the image's command, or another one of it, with `as`. */
  start(words: readonly string[], as: { readonly uid?: number, readonly gid?: number }): ChildProcess
  readonly command: readonly string[]
  readonly healthcheck: readonly string[]
  readonly stopSignal: NodeJS.Signals
}

/** Runs the instructions of a Dockerfile in folders below `place`, as plain steps; rejects with what a step said. */
export async function buildImage({ stages }: Dockerfile, { context, place }: { readonly context: string, readonly place: string }): Promise<Image> {
  const built = new Map<string, Built>()
  let last: { stage: Stage, built: Built } | undefined
  for (const [index, stage] of stages.entries()) {
    const name = stage.name ?? String(index)
    const begun: Built = { root: join(place, name), workdir: '/', env: {} }
    await mkdir(begun.root)
    for (const instruction of stage.instructions) await step(instruction, begun, { context, built })
    built.set(name, begun)
    last = { stage, built: begun }
  }
  if (last === undefined) throw new Error('there is no stage')
  return imageOf(last.stage, last.built)
}

async function step(instruction: Instruction, stage: Built, { context, built }: { context: string, built: ReadonlyMap<string, Built> }): Promise<void> {
  const { keyword, args, flags } = instruction
  switch (keyword) {
    case 'WORKDIR':
      stage.workdir = args
      await mkdir(join(stage.root, args), { recursive: true })
      return
    case 'ENV':
      Object.assign(stage.env, Object.fromEntries(pairsOf(args)))
      return
    case 'RUN':
      return run(args, stage)
    case 'COPY':
      return copy(args.split(/\s+/), stage, flags['from'] === undefined ? undefined : built.get(flags['from']), context)
    case 'ARG': case 'LABEL': case 'USER': case 'EXPOSE': case 'STOPSIGNAL': case 'HEALTHCHECK': case 'ENTRYPOINT': case 'CMD':
      return
    default:
      throw new Error(`line ${instruction.line}: ${keyword} is not known here`)
  }
}

/** From a stage things are moved, which is quicker: nothing else of ours takes them. */
async function copy(words: readonly string[], stage: Built, from: Built | undefined, context: string): Promise<void> {
  const sources = words.slice(0, -1)
  const to = words.at(-1) ?? ''
  const target = join(stage.root, isAbsolute(to) ? to : join(stage.workdir, to))
  for (const source of sources) {
    const path = to.endsWith('/') ? join(target, basename(source)) : target
    await mkdir(dirname(path), { recursive: true })
    if (from === undefined) await cp(join(context, source), path, { recursive: true })
    else await rename(join(from.root, source), path)
  }
}

async function run(command: string, { root, workdir, env }: Built): Promise<void> {
  // What npm has fetched once it need not ask for again.
  const child = spawn('sh', ['-c', command], { cwd: join(root, workdir), env: { ...process.env, npm_config_prefer_offline: 'true', ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => { said = (said + chunk.toString()).slice(-4000) })
  const [code] = await once(child, 'close') as [number | null]
  if (code !== 0) throw new Error(`RUN ${command} ended with ${code}: ${said}`)
}

function imageOf(stage: Stage, { root, workdir, env }: Built): Image {
  const wordsOf = (keyword: string) => lastOf(stage, keyword)?.words ?? []
  // The runtime is the base's, in which we are not; all else is below the root.
  const here = (word: string) => word === '/nodejs/bin/node' ? process.execPath : word.startsWith('/') ? join(root, word) : word
  return {
    root,
    command: [...wordsOf('ENTRYPOINT'), ...wordsOf('CMD')],
    healthcheck: wordsOf('HEALTHCHECK'),
    stopSignal: (lastOf(stage, 'STOPSIGNAL')?.args ?? 'SIGKILL') as NodeJS.Signals,
    start(words, as) {
      // env -i, for tap puts itself into the environment of every child, and writes where another user may not.
      const only = Object.entries({ PATH: process.env['PATH'] ?? '', ...env }).map(([name, value]) => `${name}=${value}`)
      return spawn('env', ['-i', ...only, ...words.map(here)], { cwd: join(root, workdir), stdio: ['ignore', 'ignore', 'pipe'], ...as })
    },
  }
}
