import { hash } from 'node:crypto'

/** Annotations by which a line of an audit file is tied to the ones before it. */
export const linkAnnotations = {
  /** SHA-256 of the bytes between the line before and this one: what a crash or a failed write left of a line. Only where there are any. */
  cut: 'portcullis.dev/cut-sha256',
  /** SHA-256 of the line before, without its line break. */
  previous: 'portcullis.dev/previous-sha256',
  /** 1, 2, 3 … over all files: by it a line that is missing is told from one that was changed. */
  sequence: 'portcullis.dev/sequence',
} as const

export interface Link {
  /** In hex; `chainBegin` in the first line of a chain. */
  readonly previous: string
  readonly sequence: number
  readonly cut: string | undefined
}

export const chainBegin = '0'.repeat(64)

const end = new RegExp(`(?:"${linkAnnotations.cut}":"([0-9a-f]{64})",)?"${linkAnnotations.previous}":"([0-9a-f]{64})","${linkAnnotations.sequence}":"([1-9][0-9]{0,14})"\\}\\}$`)
/** Bytes: what `end` matches at most. */
export const longestLink = 320

/** Of a line without its line break; undefined where it has none, as what is left of a line that was cut. */
export function readLink(line: Buffer): Link | undefined {
  if (line.at(-1) !== 0x7d) return undefined
  const [, cut, previous, sequence] = end.exec(line.toString('latin1', Math.max(0, line.length - longestLink))) ?? []
  return previous === undefined ? undefined : { previous, sequence: Number(sequence), cut }
}

/** In hex, of a line without its line break. */
export function digestOf(line: Buffer): string {
  return hash('sha256', line, 'hex')
}

/**
 * The line as it is to be written before its link: all up to where further annotations go. A line is
 * an Event, and `annotations` its last member, as the API server writes it; where it is not, it is made so.
 * Throws for what is no JSON object.
 */
export function openLine(line: Buffer): Buffer {
  const at = line.lastIndexOf('"annotations":{')
  if (at >= 0 && flat.test(line.toString('latin1', at + 14))) return line.subarray(0, -2)
  const { annotations = {}, ...rest } = JSON.parse(line.toString()) as { annotations?: object }
  // What was escaped so that it prints harmlessly is escaped again.
  const text = JSON.stringify({ ...rest, annotations }).replace(/[\u007f-\uffff]/g, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return Buffer.from(text).subarray(0, -2)
}

/** Texts by name and then the event's end. UTF-8 read as latin1 has no quotes or backslashes of its own. */
const flat = /^\{(?:"(?:[^"\\]|\\.)*":"(?:[^"\\]|\\.)*",?)*\}\}$/

export function closeLine(open: Buffer, { cut, previous, sequence }: Link): string {
  const comma = open.at(-1) === 0x7b ? '' : ','
  const before = cut === undefined ? '' : `"${linkAnnotations.cut}":"${cut}",`
  return `${comma}${before}"${linkAnnotations.previous}":"${previous}","${linkAnnotations.sequence}":"${sequence}"}}`
}
