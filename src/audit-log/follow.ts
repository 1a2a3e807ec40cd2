import type { FileHandle } from 'node:fs/promises'
import { open, stat } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { findAside } from './files.ts'
import { LineSplitter } from './lines.ts'
import { batch, judgeLines, readLog, whyBroken, type LogEntry, type ReadOptions } from './read.ts'
import { fileSource } from './source.ts'

export interface FollowOptions extends ReadOptions {
  /** Files put aside that are not to be read: they were already, or are too old. */
  readonly known: readonly string[]
  /** Ends it. */
  readonly signal: AbortSignal
  /** It ends by itself once all that is there has been read. */
  readonly once?: boolean
  /** Milliseconds between two looks. */
  readonly interval?: number
}

/**
 * Reads the log that is written to `path`: what was put aside of it, oldest first, then the file from its
 * beginning, and on as it grows. A file that is put aside meanwhile is read to its end, then the next, however
 * many came between two looks; one that is not there yet is waited for. A batch is empty whenever all that is
 * there has been read. As `readLog` it never rejects: what cannot be read is an entry, and
 * ends it where it is the file itself.
 */
export async function* followLog(path: string, options: FollowOptions): AsyncGenerator<readonly LogEntry[], void, undefined> {
  const { signal, once = false, interval = 250 } = options
  const known = new Set(options.known.map(asOne))
  const wait = () => pause(interval, undefined, { signal }).catch(() => {})
  try {
    while (!signal.aborted) {
      const file = await OpenLog.open(path, options)
      if (file === undefined) {
        yield* readAside(path, undefined, known, options)
        if (once) return
        yield []
        await wait()
        continue
      }
      try {
        yield* readAside(path, file, known, options)
        const goesOn = yield* file.grow(wait, signal, once)
        if (!goesOn) return
        await markRead(file, known)
      } finally {
        await file.close()
      }
    }
  } catch (error) {
    yield [{ kind: 'fault', file: path, line: 0, fault: { kind: 'unreadable', why: whyBroken(error) } }]
  }
}

/** A file and its compressed copy are one. */
function asOne(path: string): string {
  return path.replace(/\.gz$/, '')
}

/** What was put aside and is not known yet, up to the file that is open, should that be aside already. */
async function* readAside(path: string, file: OpenLog | undefined, known: Set<string>, options: FollowOptions): AsyncGenerator<readonly LogEntry[], void, undefined> {
  while (!options.signal.aborted) {
    // Looked for anew each time: by now it may have been compressed, and have another name.
    const next = (await findAside(path)).find(aside => !known.has(asOne(aside.path)))
    if (next === undefined || (file !== undefined && await identityOf(next.path) === file.identity)) return
    known.add(asOne(next.path))
    yield* readLog([fileSource(next.path)], options)
  }
}

/** The file that was read to its end is aside now, under some name: it is not read again. */
async function markRead(file: OpenLog, known: Set<string>): Promise<void> {
  const unread = (await findAside(file.path)).map(({ path }) => path).filter(path => !known.has(asOne(path)))
  for (const path of unread) {
    if (await identityOf(path) === file.identity) {
      known.add(asOne(path))
      return
    }
  }
  // Compressed already, it is another file: the first of those that are new.
  const [first] = unread
  if (first?.endsWith('.gz') === true && await file.isDeleted()) known.add(asOne(first))
}

async function identityOf(path: string): Promise<string | undefined> {
  return stat(path).then(identify, () => undefined)
}

function identify({ dev, ino }: { readonly dev: number, readonly ino: number }): string {
  return `${dev}:${ino}`
}

const chunkSize = 1024 ** 2

/** A file while it is open: as long as it is, no other gets its inode. */
class OpenLog {
  readonly path: string
  readonly identity: string
  readonly #handle: FileHandle
  readonly #options: ReadOptions
  #splitter: LineSplitter
  #position = 0

  /** Undefined where there is none. */
  static async open(path: string, options: ReadOptions): Promise<OpenLog | undefined> {
    const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    return handle === undefined ? undefined : new OpenLog(path, handle, identify(await handle.stat()), options)
  }

  constructor(path: string, handle: FileHandle, identity: string, options: ReadOptions) {
    this.path = path
    this.#handle = handle
    this.identity = identity
    this.#options = options
    this.#splitter = new LineSplitter(options.longestLine)
  }

  /** Reads on until the path leads to another file, and this one to its end; then returns true. */
  async* grow(wait: () => Promise<void>, signal: AbortSignal, once: boolean): AsyncGenerator<readonly LogEntry[], boolean, undefined> {
    let replaced = false
    while (!signal.aborted) {
      yield* this.#drain()
      const there = await identityOf(this.path)
      replaced = there !== undefined && there !== this.identity
      if (replaced || once) break
      yield []
      await wait()
    }
    // What was written between the last look and the moment it was put aside.
    if (replaced) yield* this.#drain()
    yield* batch(judgeLines(this.path, this.#splitter.end()))
    return replaced
  }

  async isDeleted(): Promise<boolean> {
    return (await this.#handle.stat()).nlink === 0
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }

  async* #drain(): AsyncGenerator<readonly LogEntry[], void, undefined> {
    for (;;) {
      const { size } = await this.#handle.stat()
      // Emptied in its place, as `copytruncate` of logrotate does: what comes is a log from its beginning.
      if (size < this.#position) {
        yield* batch(judgeLines(this.path, this.#splitter.end()))
        this.#splitter = new LineSplitter(this.#options.longestLine)
        this.#position = 0
      }
      if (size === this.#position) return
      const { buffer, bytesRead } = await this.#handle.read(Buffer.allocUnsafeSlow(Math.min(chunkSize, size - this.#position)), { position: this.#position })
      if (bytesRead === 0) return
      this.#position += bytesRead
      this.#options.onBytes?.(bytesRead)
      yield* batch(judgeLines(this.path, this.#splitter.push(buffer.subarray(0, bytesRead))))
    }
  }
}
