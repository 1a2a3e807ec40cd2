import { stat } from 'node:fs/promises'
import { findAside } from '../../audit-log/files.ts'
import { fileSource, streamSource, type LogSource } from '../../audit-log/source.ts'
import { findConfiguredLog } from '../audit-files.ts'
import { UsageError } from '../run-command.ts'

export interface InputOptions {
  /** Paths, `-` for stdin; none: the log of the config. */
  readonly files: readonly string[]
  readonly configFile: () => Promise<string>
  readonly follow?: boolean | undefined
}

/** What is read, in this order. */
export interface Inputs {
  readonly sources: readonly LogSource[]
  /** Behind them a log with its rotation. `known`: what was put aside of it and is not read. */
  readonly rotated: { readonly path: string, readonly known: readonly string[] } | undefined
  /** What comes last is being written while it is read. */
  readonly live: boolean
  /** Bytes of all files; undefined where nobody knows. */
  readonly total: number | undefined
  /** For people. */
  readonly notes: readonly string[]
}

/** `since`: files that were put aside before it are left out; milliseconds since the epoch. Throws UsageError for what makes no sense. */
export async function findInputs(options: InputOptions, stdin: AsyncIterable<Buffer | string>, since: number | undefined): Promise<Inputs> {
  return options.files.length === 0 ? configured(options, since) : given(options, stdin)
}

async function configured({ configFile, follow = false }: InputOptions, since = -Infinity): Promise<Inputs> {
  const { path, files, others } = await findConfiguredLog(await configFile())
  if (files.length === 0 && !follow) throw new Error(`there is no audit log at ${path} yet, nor anything that was put aside of it`)
  const [old, read] = [true, false].map(isOld => files.filter(({ asideAt = Infinity }) => asideAt < since === isOld).map(file => file.path)) as [string[], string[]]
  return {
    sources: [],
    rotated: { path, known: old },
    live: follow,
    total: await sizeOf(read),
    notes: [
      ...others.length === 0 ? [] : [`reading ${path}; ${others.join(', ')} ${others.length === 1 ? 'has' : 'have'} the same events: name the files to read those`],
      ...files.length === 0 ? [`waiting for ${path}`] : [],
    ],
  }
}

async function given({ files, follow = false }: InputOptions, stdin: AsyncIterable<Buffer | string>): Promise<Inputs> {
  if (files.filter(file => file === '-').length > 1) throw new UsageError('- is stdin, which can be read once')
  const last = files.at(-1) ?? ''
  const followed = follow && last !== '-' ? last : undefined
  if (followed?.endsWith('.gz') === true) throw new UsageError(`--follow goes on with the last FILE as it is written, and ${followed} is compressed`)
  const read = followed === undefined ? files : files.slice(0, -1)
  const there = followed === undefined || await stat(followed).then(() => true, () => false)
  return {
    sources: read.map(file => file === '-' ? streamSource('-', stdin) : fileSource(file)),
    rotated: followed === undefined ? undefined : { path: followed, known: (await findAside(followed)).map(file => file.path) },
    live: follow,
    total: files.includes('-') ? undefined : await sizeOf(files),
    notes: there ? [] : [`waiting for ${followed}`],
  }
}

async function sizeOf(paths: readonly string[]): Promise<number> {
  const sizes = await Promise.all(paths.map(path => stat(path).then(({ size }) => size, () => 0)))
  return sizes.reduce((sum, size) => sum + size, 0)
}
