import { createHash, type Hash } from 'node:crypto'
import { chainBegin, closeLine, digestOf, longestLink, openLine } from './chain-link.ts'
import { readBegin, readEnd } from './chain-end.ts'
import { ReusedMemory } from '../reused-memory.ts'

/** Where a chain stands. */
export interface ChainPoint {
  /** Of the last line, in hex. */
  readonly digest: string
  readonly sequence: number
}

interface LinkedLine extends ChainPoint {
  /** Offsets in the bytes: of the line's first byte, and of its line break. */
  readonly start: number
  readonly end: number
}

/** Lines with their links, ready to be written. */
export interface Linked {
  readonly bytes: Buffer
  readonly lines: readonly LinkedLine[]
}

/**
 * Ties each line that is written to the one before it, over the ends of files and of processes.
 * For one writer: it alone knows what the last line is.
 */
export interface Chain {
  /** Goes on behind the last whole line of these files, newest first, of which the first is the one that is written; of those that do not exist it looks at the next. Rejects where one cannot be read; the chain then begins anew. */
  resume(paths: readonly string[]): Promise<void>
  /** Whole lines, each an Event with its line break. Nothing is taken for written yet. The memory of the result is the next one's. */
  link(chunk: Buffer): Linked
  /** So many bytes of them are out. Returns how many lines are whole, be it without a line break. */
  wrote(linked: Linked, bytes: number): number
  /** The first and the last line of the file that is written; undefined where it has none. */
  segment(): { readonly first: ChainPoint, readonly last: ChainPoint } | undefined
  /** What is written next stands in another file. */
  nextFile(): void
}

export function createChain(): Chain {
  return new LineChain()
}

class LineChain implements Chain {
  #last: ChainPoint = { digest: chainBegin, sequence: 0 }
  #first: ChainPoint | undefined
  /** Over what is left of lines that were cut since the last whole one. */
  #cut: Hash | undefined
  readonly #memory = new ReusedMemory()

  async resume(paths: readonly string[]): Promise<void> {
    const left: Buffer[] = []
    for (const path of paths) {
      const { last, cut } = await readEnd(path)
      left.unshift(...cut)
      if (last === undefined) continue
      this.#last = last
      break
    }
    for (const piece of left) this.#addCut(piece)
    this.#first = await readBegin(paths[0])
  }

  link(chunk: Buffer): Linked {
    const opened = openLines(chunk)
    const bytes = this.#memory.take(opened.reduce((sum, { length }) => sum + length + longestLink, 0))
    const lines: LinkedLine[] = []
    let [{ digest, sequence }, cut, size] = [this.#last, this.#cut?.copy().digest('hex'), 0]
    for (const open of opened) {
      sequence += 1
      const start = size
      size += open.copy(bytes, size)
      size += bytes.write(closeLine(open, { previous: digest, sequence, cut }), size, 'latin1')
      digest = digestOf(bytes.subarray(start, size))
      lines.push({ start, end: size, digest, sequence })
      bytes[size++] = 10
      cut = undefined
    }
    return { bytes: bytes.subarray(0, size), lines }
  }

  wrote({ bytes, lines }: Linked, written: number): number {
    const cutAt = lines.findIndex(({ end }) => end > written)
    const whole = cutAt < 0 ? lines.length : cutAt
    const last = lines[whole - 1]
    if (last !== undefined) {
      this.#last = last
      this.#first ??= lines[0]
      this.#cut = undefined
    }
    const start = lines[whole]?.start
    if (start !== undefined && start < written) this.#addCut(bytes.subarray(start, written))
    return whole
  }

  segment(): { readonly first: ChainPoint, readonly last: ChainPoint } | undefined {
    return this.#first === undefined ? undefined : { first: point(this.#first), last: point(this.#last) }
  }

  nextFile(): void {
    this.#first = undefined
  }

  #addCut(piece: Buffer): void {
    this.#cut ??= createHash('sha256')
    this.#cut.update(piece).update('\n')
  }
}

function point({ digest, sequence }: ChainPoint): ChainPoint {
  return { digest, sequence }
}

function openLines(chunk: Buffer): Buffer[] {
  const lines: Buffer[] = []
  for (let start = 0, end = chunk.indexOf(10); end >= 0; start = end + 1, end = chunk.indexOf(10, start)) {
    lines.push(openLine(chunk.subarray(start, end)))
  }
  return lines
}
