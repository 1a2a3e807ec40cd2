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

/** What is read, in this order, and what is followed after that. */
export interface Inputs {
  readonly sources: readonly LogSource[]
  /** `known`: what was put aside of it already, and is not read for it. */
  readonly followed: { readonly path: string, readonly known: readonly string[] } | undefined
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
  const aside = files.filter(({ asideAt }) => asideAt !== undefined)
  const current = files.filter(({ asideAt }) => asideAt === undefined)
  const read = [...aside.filter(({ asideAt = Infinity }) => asideAt >= since), ...follow ? [] : current].map(file => file.path)
  return {
    sources: read.map(fileSource),
    followed: follow ? { path, known: aside.map(file => file.path) } : undefined,
    live: false,
    total: await sizeOf(follow ? [...read, path] : read),
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
    followed: followed === undefined ? undefined : { path: followed, known: (await findAside(followed)).map(file => file.path) },
    live: follow && last === '-',
    total: files.includes('-') ? undefined : await sizeOf(files),
    notes: there ? [] : [`waiting for ${followed}`],
  }
}

async function sizeOf(paths: readonly string[]): Promise<number> {
  const sizes = await Promise.all(paths.map(path => stat(path).then(({ size }) => size, () => 0)))
  return sizes.reduce((sum, size) => sum + size, 0)
}
