import type { FileHandle } from 'node:fs/promises'
import { open, stat } from 'node:fs/promises'
import type { Chain } from '../../audit-log/chain.ts'
import type { Sign } from '../../audit-log/chain-sign.ts'
import { linesOf, listAside } from './aside.ts'
import { LineQueue, lineQueueDefaults } from './line-queue.ts'
import type { LineQueueOptions } from './line-queue.ts'
import { IncompleteWrite, type LineWriter } from './line-writer.ts'
import { rotate } from './rotate.ts'
import { createSeal, type Seal } from './seal.ts'
import type { Sink, SinkReport } from './sink.ts'
import { tidy, type TidyOptions } from './tidy.ts'
import { whyUnwritable } from './why-unwritable.ts'

export interface FileSinkOptions extends LineQueueOptions {
  readonly path: string
  /** Bytes after which the file is put aside. */
  readonly maxSize: number
  /** Milliseconds after which it is, with the next line; undefined: never for its age. */
  readonly maxAge?: number | undefined
  /** How many files put aside are kept, and for how many milliseconds. */
  readonly keep: number
  readonly keepFor?: number | undefined
  /** Compress what is put aside. */
  readonly compress?: boolean
  /** Of this file alone. */
  readonly chain: Chain
  /** Signs each file that is put aside, and what there is at the end. */
  readonly sign?: Sign | undefined
}

/**
 * Lines appended to a file that only we may read, each tied to the one before, put aside when it is full.
 * A file that was moved or deleted by others (logrotate) is opened anew within a second.
 */
export function createFileSink({ path, maxSize, maxAge = Infinity, keep, keepFor, compress, chain, sign, ...queue }: FileSinkOptions): Sink {
  const now = queue.now ?? Date.now
  const seal = sign === undefined ? undefined : createSeal({ path, chain, sign, now })
  const writer = new FileWriter({ path, maxSize, maxAge, aside: { keep, keepFor, compress }, chain, seal, now })
  // Half: a link makes a line longer, though never twice as long.
  const maxBatch = Math.min(queue.maxBatch ?? lineQueueDefaults.maxBatch, Math.ceil(maxSize / 2))
  return new FileSink(writer, { ...queue, maxBatch })
}

class FileSink extends LineQueue {
  readonly #writer: FileWriter

  constructor(writer: FileWriter, options: LineQueueOptions) {
    super('file', writer, options)
    this.#writer = writer
  }

  override attach(report: SinkReport): void {
    super.attach(report)
    this.#writer.onTrouble = error => report.failed(error)
  }
}

interface FileWriterOptions {
  readonly path: string
  readonly maxSize: number
  readonly maxAge: number
  readonly aside: Pick<TidyOptions, 'keep' | 'keepFor' | 'compress'>
  readonly chain: Chain
  readonly seal: Seal | undefined
  readonly now: () => number
}

/** Milliseconds between looks at whether the path still leads to the open file, and between attempts to put it aside. */
const lookEvery = 1_000
const rotateAgainAfter = 60_000

class FileWriter implements LineWriter {
  onTrouble: (error: Error) => void = () => {}
  readonly #options: FileWriterOptions
  #file: FileHandle | undefined
  #inode = ''
  #regular = true
  #size = 0
  #begunAt = 0
  /** False after a crash or a failure in the middle of a line: the next one must not join it. */
  #atLineStart = true
  #lookedAt = 0
  #rotateNotBefore = 0
  #resumed = false
  /** Something was written since the last signature. */
  #unsigned = false
  readonly #leaving = new AbortController()
  #tidying = Promise.resolve()

  constructor(options: FileWriterOptions) {
    this.#options = options
  }

  async write(chunk: Buffer): Promise<void> {
    const { chain } = this.#options
    await this.#reopenIfMoved()
    // Before anything is linked: how the file ends is what the first link says.
    let file = this.#file ?? await this.#open()
    const linked = chain.link(chunk)
    if (this.#isFull(linked.bytes.length) && await this.#rotate()) file = await this.#open()
    if (!this.#atLineStart) await this.#append(file, Buffer.from('\n'))
    try {
      await this.#append(file, linked.bytes)
      chain.wrote(linked, linked.bytes.length)
      this.#unsigned = true
    } catch (error) {
      throw error instanceof IncompleteWrite ? new IncompleteWrite(writtenOf(chunk, chain.wrote(linked, error.written)), { cause: error.cause }, error.message) : error
    }
  }

  async close(): Promise<void> {
    const { path, seal } = this.#options
    if (this.#unsigned && this.#regular) {
      await seal?.sign(path).catch((cause: unknown) => this.onTrouble(new Error('the end of the audit file could not be signed', { cause })))
    }
    this.#leaving.abort()
    await Promise.all([this.#leave(), this.#tidying])
  }

  #isFull(more: number): boolean {
    const { maxSize, maxAge, now } = this.#options
    return this.#size > 0 && (this.#size + more > maxSize || now() - this.#begunAt >= maxAge)
  }

  async #leave(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  async #append(file: FileHandle, bytes: Buffer): Promise<void> {
    let written = 0
    try {
      while (written < bytes.length) {
        const { bytesWritten } = await file.write(bytes, written)
        written += bytesWritten
      }
    } catch (error) {
      throw new IncompleteWrite(written, { cause: error }, `${this.#options.path} cannot be written: ${whyUnwritable(error)}`)
    } finally {
      this.#size += written
      if (written > 0) this.#atLineStart = bytes[written - 1] === 10
    }
  }

  async #open(): Promise<FileHandle> {
    const { path, now } = this.#options
    // `a`: O_APPEND, so that every write goes to the end, whoever else writes; `+` for a look at the last byte.
    const file = await open(path, 'a+', 0o600)
    try {
      const stats = await file.stat()
      this.#regular = stats.isFile()
      this.#inode = inodeOf(stats)
      this.#size = this.#regular ? stats.size : 0
      this.#begunAt = this.#size === 0 ? now() : stats.birthtimeMs
      this.#atLineStart = this.#size === 0 || await lastByte(file, this.#size) === 10
      if (!this.#resumed) await this.#resume()
    } catch (error) {
      await file.close()
      throw error
    }
    this.#lookedAt = now()
    this.#file = file
    return file
  }

  /** A chain that cannot go on begins anew: that shows, and costs no line. */
  async #resume(): Promise<void> {
    const { path, chain } = this.#options
    if (this.#regular) {
      await listAside(path).then(aside => chain.resume([path, ...aside.flatMap(each => linesOf(each) ?? []).reverse()])).catch((cause: unknown) => {
        this.onTrouble(new Error('the end of the audit log before cannot be read: its hash chain begins anew', { cause }))
      })
    }
    this.#resumed = true
    this.#tidy()
  }

  /** Beside the lines, which do not wait for it. */
  #tidy(): void {
    const { path, aside, now } = this.#options
    if (!this.#regular) return
    this.#tidying = this.#tidying.then(() => tidy(path, { ...aside, now: now(), signal: this.#leaving.signal })).catch((cause: unknown) => {
      this.onTrouble(new Error('what was put aside of the audit log could not be compressed or deleted', { cause }))
    })
  }

  async #reopenIfMoved(): Promise<void> {
    const { path, now } = this.#options
    if (this.#file === undefined || now() - this.#lookedAt < lookEvery) return
    this.#lookedAt = now()
    const there = await stat(path).then(inodeOf, () => undefined)
    if (there === this.#inode) return
    this.#options.chain.nextFile()
    await this.#leave()
  }

  /** True when the file has been put aside. A folder that allows no renaming must not cost a line: the file then grows beyond its size. */
  async #rotate(): Promise<boolean> {
    const { path, chain, seal, now } = this.#options
    if (!this.#regular || now() < this.#rotateNotBefore) return false
    try {
      await rotate(path, { at: now(), seal })
    } catch (error) {
      this.#rotateNotBefore = now() + rotateAgainAfter
      this.onTrouble(new Error('the audit file could not be put aside', { cause: error }))
      return false
    }
    chain.nextFile()
    await this.#leave()
    this.#tidy()
    return true
  }
}

/** Bytes of so many lines as they came, without their links. */
function writtenOf(chunk: Buffer, lines: number): number {
  let end = 0
  for (let line = 0; line < lines; line++) end = chunk.indexOf(10, end) + 1
  return end
}

function inodeOf(stats: { dev: number, ino: number }): string {
  return `${stats.dev}:${stats.ino}`
}

async function lastByte(file: FileHandle, size: number): Promise<number | undefined> {
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer[0]
}
