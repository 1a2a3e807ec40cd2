import { watch } from 'node:fs'
import type { BigIntStats, FSWatcher } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export interface WatchOptions {
  /** Milliseconds between two looks at the files, which see what the system's notices miss. */
  readonly interval?: number
  /** Milliseconds that a file is left to its writer after it changed. */
  readonly settle?: number
  /** The system's notices of a folder; returns the way to stop them. */
  readonly notice?: (folder: string, onNotice: () => void) => () => void
}

export interface Watch {
  close(): void
}

/**
 * Calls `onChange` within a second after a file, or anything in a folder, becomes
 * another: by writing, by renaming over it, by the symlink swap of mounted ConfigMaps
 * and Secrets (`..data` points elsewhere, the file's own directory entry stays), by
 * going away or coming back. Several changes at once are one call. What the paths held
 * when this resolved is the state that changes are told from.
 */
export async function watchFiles(paths: readonly string[], onChange: () => void, options: WatchOptions = {}): Promise<Watch> {
  const watcher = new Watcher(paths, onChange, options)
  await watcher.start()
  return watcher
}

class Watcher implements Watch {
  readonly #paths: readonly string[]
  readonly #onChange: () => void
  readonly #options: Required<WatchOptions>
  readonly #stops: (() => void)[] = []
  #state = ''
  #timer: NodeJS.Timeout | undefined
  #due = 0
  #looking = false
  #closed = false

  constructor(paths: readonly string[], onChange: () => void, { interval = 500, settle = 50, notice = systemNotice }: WatchOptions) {
    this.#paths = paths
    this.#onChange = onChange
    this.#options = { interval, settle, notice }
  }

  async start(): Promise<void> {
    this.#state = await fingerprint(this.#paths)
    for (const folder of new Set(this.#paths.flatMap(path => [dirname(path), path]))) {
      this.#stops.push(this.#options.notice(folder, () => this.#lookIn(this.#options.settle)))
    }
    this.#lookIn(this.#options.interval)
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    for (const stop of this.#stops) stop()
  }

  // A look is never put off: other files of a busy folder give notice without end.
  #lookIn(delay: number): void {
    const due = performance.now() + delay
    if (this.#looking || (this.#timer !== undefined && this.#due <= due)) return
    clearTimeout(this.#timer)
    this.#due = due
    this.#timer = setTimeout(() => void this.#look(), delay).unref()
  }

  async #look(): Promise<void> {
    this.#looking = true
    this.#timer = undefined
    const found = await fingerprint(this.#paths)
    // Told only when two looks agree: a file seen in the middle of being written is left alone,
    // and a second write within the clock tick of the first is not missed.
    const settled = found === this.#state || found === await after(this.#options.settle, () => fingerprint(this.#paths))
    this.#looking = false
    if (this.#closed) return
    const changed = settled && found !== this.#state
    if (changed) this.#state = found
    this.#lookIn(settled ? this.#options.interval : this.#options.settle)
    if (changed) this.#onChange()
  }
}

function after<T>(delay: number, work: () => Promise<T>): Promise<T> {
  return new Promise(resolve => setTimeout(() => resolve(work()), delay).unref())
}

/** What a change of any of the paths changes: which file each leads to, when it was written, how long it is. */
async function fingerprint(paths: readonly string[]): Promise<string> {
  return (await Promise.all(paths.map(describe))).join('\n')
}

async function describe(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  if (found === undefined) return `${path} missing`
  if (!found.isDirectory()) return `${path} ${describeStats(found)}`
  const names = await readdir(path).catch(() => [])
  const children = names.filter(name => !name.startsWith('.')).sort().map(name => describeChild(join(path, name)))
  return [`${path} folder`, ...await Promise.all(children)].join('\n')
}

// Folders within a folder are not looked into.
async function describeChild(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  return found?.isFile() === true ? `${path} ${describeStats(found)}` : `${path} other`
}

function describeStats({ dev, ino, mtimeNs, ctimeNs, size }: BigIntStats): string {
  return [dev, ino, mtimeNs, ctimeNs, size].join(' ')
}

// A folder that is not there, or too many watches on the machine: then the looks have to do.
function systemNotice(folder: string, onNotice: () => void): () => void {
  let watcher: FSWatcher
  try {
    watcher = watch(folder, { persistent: false }, onNotice)
  } catch {
    return () => undefined
  }
  watcher.on('error', () => watcher.close())
  return () => watcher.close()
}
