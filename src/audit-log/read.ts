import { whyUnreadable } from '../files/unreadable.ts'
import { judgeLine, type LineFault, type LoggedEvent } from './event.ts'
import { LineSplitter, type RawLine } from './lines.ts'
import { readChunks, type LogSource } from './source.ts'

interface Place {
  /** The name of its source. */
  readonly file: string
  /** The first is 1; 0: the file as a whole. */
  readonly line: number
}

export interface EventEntry extends Place {
  readonly kind: 'event'
  /** The line without its end; a view of what was read: copy what is kept. */
  readonly bytes: Buffer
  readonly event: LoggedEvent
}

export interface FaultEntry extends Place {
  readonly kind: 'fault'
  readonly fault: LineFault
}

/** A line of a log, or a file that could not be read (on). Empty lines are none. */
export type LogEntry = EventEntry | FaultEntry

export interface ReadOptions {
  /** Hears how many bytes were read, before they are unpacked. */
  readonly onBytes?: ((bytes: number) => void) | undefined
  /** Bytes of a line, beyond which it is passed over. */
  readonly longestLine?: number
}

/**
 * Reads logs one after the other, as many lines at once as a chunk of them holds, at least one. Whatever is wrong with
 * them is an entry: it never rejects, and reads on with the next line or file. It holds one
 * chunk, and one line.
 */
export async function* readLog(sources: Iterable<LogSource>, options: ReadOptions = {}): AsyncGenerator<readonly LogEntry[], void, undefined> {
  for (const source of sources) {
    const splitter = new LineSplitter(options.longestLine)
    const chunks = readChunks(source, options.onBytes)
    let broken: FaultEntry | undefined
    try {
      for (;;) {
        const { value, done } = await chunks.next().catch((error: unknown) => {
          broken = { kind: 'fault', file: source.name, line: 0, fault: { kind: 'unreadable', why: whyBroken(error) } }
          return { value: undefined, done: true }
        })
        if (done === true || value === undefined) break
        yield* batch(judgeLines(source.name, splitter.push(value)))
      }
      yield* batch([...judgeLines(source.name, splitter.end()), ...broken === undefined ? [] : [broken]])
    } finally {
      await chunks.return()
    }
  }
}

/** None, where there are no entries. */
export function batch(entries: readonly LogEntry[]): (readonly LogEntry[])[] {
  return entries.length === 0 ? [] : [entries]
}

/** The entries of lines of a source. */
export function judgeLines(file: string, lines: readonly RawLine[]): LogEntry[] {
  const entries: LogEntry[] = []
  for (const { number, bytes, ended, tooLong } of lines) {
    if (tooLong) {
      entries.push({ kind: 'fault', file, line: number, fault: { kind: 'too-long', why: 'is longer than a line of an audit log may be' } })
    } else if (bytes.length > 0) {
      const judged = judgeLine(bytes.toString(), ended)
      if ('event' in judged) entries.push({ kind: 'event', file, line: number, bytes, event: judged.event })
      else entries.push({ kind: 'fault', file, line: number, fault: judged.fault })
    }
  }
  return entries
}

/** Why a source could not be read, or not to its end, for people. */
export function whyBroken(error: unknown): string {
  const { code = '' } = error as NodeJS.ErrnoException
  if (code === 'Z_BUF_ERROR') return 'is compressed, and ends in the middle: what is there was read'
  if (code.startsWith('Z_')) return 'is compressed, and damaged: what stands before the damage was read'
  return whyUnreadable(error)
}
