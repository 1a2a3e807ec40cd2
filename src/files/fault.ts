import { redactKeys } from '../keys/redact.ts'

/** Where in a document: `['clusters', 0, 'server']`. */
export type Path = readonly (string | number)[]

/** Something wrong at a place in a value, before its line is known. */
export interface Finding {
  readonly path: Path
  readonly message: string
  /** Points at the field's name, not at its value. */
  readonly atKey?: boolean
}

/** Line and column count from 1. */
export interface Fault {
  readonly file: string
  readonly line: number
  readonly column: number
  /** As in `clusters[0].server`; empty for the whole document. */
  readonly path: string
  readonly message: string
  /** Whose it is, where the path tells only its number: `caller ci`. */
  readonly subject?: string | undefined
}

/** Faults that keep something from starting; all of them. */
export class FaultsError extends Error {
  override readonly name = 'FaultsError'
  readonly faults: readonly Fault[]

  constructor(faults: readonly Fault[]) {
    super(faults.map(formatFault).join('\n'))
    this.faults = faults
  }
}

/** Whether nothing was found against the value at a path: only then is there sense in asking more of it. */
export type Sound = (path: Path) => boolean

/** What most of ten thousand entries are. */
export const everythingIsSound: Sound = () => true

/** An unknown field spoils nothing else: what the schema hands on is without it. */
export function soundWithout(findings: readonly Finding[]): Sound {
  if (findings.length === 0) return everythingIsSound
  const spoilt = findings.filter(({ atKey }) => atKey !== true).map(({ path }) => path)
  return path => !spoilt.some(other => isWithin(path, other) || isWithin(other, path))
}

/** Whether a path leads to a place at or below another. */
export function isWithin(path: Path, other: Path): boolean {
  return other.every((part, index) => part === path[index])
}

/** `file:line:column path: message`, and whose it is. */
export function formatFault({ file, line, column, path, message, subject }: Fault): string {
  return `${file}:${line}:${column} ${path === '' ? '' : `${path}: `}${message}${subject === undefined ? '' : ` (${subject})`}`
}

/** `clusters[0].server`; a name that is no word is quoted, and never shows a key. */
export function formatPath(path: Path): string {
  return path.reduce<string>((text, part) => text + (typeof part === 'number' ? `[${part}]` : formatName(part, text)), '')
}

function formatName(name: string, before: string): string {
  if (!/^[\w-]+$/.test(name)) return `[${JSON.stringify(redactKeys(name))}]`
  return (before === '' ? '' : '.') + redactKeys(name)
}

/** A fault of a file as a whole: it is not there, it cannot be read. */
export function wholeFile(file: string, message: string): Fault {
  return { file, line: 1, column: 1, path: '', message }
}

/** In the order in which the file is read. */
export function byPosition(faults: readonly Fault[]): Fault[] {
  return faults.toSorted((a, b) => compare(a.file, b.file) || a.line - b.line || a.column - b.column)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
