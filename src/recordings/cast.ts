import { printableJson } from '../redaction/printable.ts'

/** What the first line of an asciicast v2 says (https://docs.asciinema.org/manual/asciicast/v2/). */
export interface CastHeader {
  /** Seconds since the epoch. */
  readonly timestamp: number
  readonly command: string
  readonly title: string
  /** Whether there is a terminal. */
  readonly tty: boolean
}

/** `i`: what was typed; `o`: what was shown; `r`: the terminal's size; `m`: a marker. */
export type CastCode = 'i' | 'o' | 'r' | 'm'

/** Its size is not known before the session's first `r`: until then it is that of a terminal that nobody set. */
const defaultSize = { width: 80, height: 24 }

export function headerLine({ timestamp, command, title, tty }: CastHeader): string {
  // What container runtimes give to whoever has a terminal.
  const env = tty ? { TERM: 'xterm' } : {}
  return lineOf({ version: 2, ...defaultSize, timestamp, ...command === '' ? {} : { command }, title, env })
}

/** `at`: seconds since the beginning. */
export function eventLine(at: number, code: CastCode, text: string): string {
  return lineOf([Math.round(at * 1e6) / 1e6, code, text])
}

/** Bytes of a marker's line. */
export const longestMarker = 1024

/** A marker whose text is cut to the characters that fit: an escaped one takes six bytes. */
export function markerLine(at: number, text: string): string {
  const characters = [...text.slice(0, longestMarker)]
  let line = eventLine(at, 'm', characters.join(''))
  while (Buffer.byteLength(line) > longestMarker) {
    const tooMany = Math.ceil((Buffer.byteLength(line) - longestMarker) / 6)
    characters.length -= Math.min(tooMany, characters.length)
    line = eventLine(at, 'm', characters.join(''))
  }
  return line
}

function lineOf(value: unknown): string {
  return `${printableJson(JSON.stringify(value))}\n`
}
