import { createHash } from 'node:crypto'
import { longestMarker } from './cast.ts'
import type { Disk, DiskFile } from './disk.ts'

export interface RecordingFileOptions {
  /** As it is named at the end; until then `.part` stands behind it. */
  readonly path: string
  readonly disk: Disk
  /** Bytes of the whole file. */
  readonly maxSize: number
  /** Bytes that may wait for the disk. */
  readonly maxPending: number
}

/** Whether a line was taken: where not, the file has its size, the disk does not keep up, or it failed. */
export type Taken = 'taken' | 'full' | 'slow' | 'failed'

/** Kept free for what has to be said at the end: that it ends and why, what is missing, and how the command ended. */
const reserve = 3 * longestMarker + 1024

/**
 * Lines that are written as they come, by one write at a time; whoever writes never waits. What the disk
 * has is whole lines at any time, but for the moment of a crash.
 */
export class RecordingFile {
  /** Told once: the disk failed, and with it are lost so many lines that had been taken. */
  onFailed: (error: Error, lost: number) => void = () => {}
  readonly #options: RecordingFileOptions
  readonly #file: DiskFile
  readonly #hash = createHash('sha256')
  #pending: string[] = []
  #pendingBytes = 0
  /** Of all lines that were taken, and of those that the disk has. */
  #takenBytes = 0
  #writtenBytes = 0
  #failed = false
  #givenUp = false
  #writing: Promise<void> | undefined

  private constructor(file: DiskFile, options: RecordingFileOptions) {
    this.#file = file
    this.#options = options
  }

  /** With its first line, by which the disk is tried. Rejects where it cannot be, and then leaves nothing behind. */
  static async create(first: string, options: RecordingFileOptions): Promise<RecordingFile> {
    const part = partOf(options.path)
    const file = await options.disk.create(part)
    const recording = new RecordingFile(file, options)
    try {
      await recording.#append(Buffer.from(first))
    } catch (error) {
      await file.close().catch(() => {})
      await options.disk.remove(part).catch(() => {})
      throw error
    }
    recording.#takenBytes = recording.#writtenBytes
    return recording
  }

  /** `closing`: of what is said at the end, for which there is room. */
  write(line: string, { closing = false } = {}): Taken {
    const size = Buffer.byteLength(line)
    const { maxSize, maxPending } = this.#options
    if (this.#failed) return 'failed'
    if (this.#takenBytes + size > maxSize - (closing ? 0 : reserve)) return 'full'
    if (!closing && this.#pendingBytes + size > maxPending) return 'slow'
    this.#pending.push(line)
    this.#pendingBytes += size
    this.#takenBytes += size
    this.#writing ??= this.#writeAll().finally(() => { this.#writing = undefined })
    return 'taken'
  }

  /** Resolves with the SHA-256 (hex) of the file, which is whole and has its name; rejects where it could not get it. */
  async finish(): Promise<string> {
    while (this.#writing !== undefined) await this.#writing
    const { disk, path } = this.#options
    try {
      await this.#file.sync()
    } finally {
      await this.#file.close()
    }
    this.#checkWanted()
    await disk.rename(partOf(path), path)
    if (this.#givenUp) await disk.rename(path, partOf(path))
    this.#checkWanted()
    return this.#hash.digest('hex')
  }

  /** Whoever finishes has stopped waiting and said that the file is not whole: it keeps the name that they told. */
  giveUp(): void {
    this.#givenUp = true
  }

  async discard(): Promise<void> {
    this.#failed = true
    while (this.#writing !== undefined) await this.#writing
    await this.#file.close().catch(() => {})
    await this.#options.disk.remove(partOf(this.#options.path)).catch(() => {})
  }

  #checkWanted(): void {
    if (this.#givenUp) throw new Error('the recording was finished too late')
  }

  async #writeAll(): Promise<void> {
    while (this.#pending.length > 0) {
      const lines = this.#pending
      const bytes = Buffer.from(lines.join(''))
      this.#pending = []
      try {
        await this.#append(bytes)
        this.#pendingBytes -= bytes.length
      } catch (error) {
        return this.#fail(error as Error, lines.length)
      }
    }
  }

  async #append(bytes: Buffer): Promise<void> {
    await this.#file.write(bytes)
    this.#hash.update(bytes)
    this.#writtenBytes += bytes.length
  }

  async #fail(error: Error, lost: number): Promise<void> {
    if (this.#failed) return
    this.#failed = true
    const all = lost + this.#pending.length
    this.#pending = []
    // What there is stays whole lines, of which the hash is known.
    await this.#file.truncate(this.#writtenBytes).catch(() => {})
    this.onFailed(error, all)
  }
}

export function partOf(path: string): string {
  return `${path}.part`
}
