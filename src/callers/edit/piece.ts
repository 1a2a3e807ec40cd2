import { isCollection, isPair, isScalar } from 'yaml'
import type { Node, YAMLMap, YAMLSeq } from 'yaml'

/** A text that is edited, or a piece of it that begins with a line. */
export interface Piece {
  readonly text: string
  /** How lines end in the file. */
  readonly newline: string
  /** Written in JSON, not in YAML. */
  readonly json: boolean
}

/** A text to put in, at an offset, in place of so many characters. */
export interface Splice {
  readonly at: number
  readonly text: string
  readonly instead?: number
}

/** Of two at one offset the first one comes first. */
export function applySplices(text: string, splices: readonly Splice[]): string {
  let result = ''
  let from = 0
  for (const { at, text: added, instead = 0 } of splices.toSorted((a, b) => a.at - b.at)) {
    result += text.slice(from, at) + added
    from = at + instead
  }
  return result + text.slice(from)
}

export function pieceOf(file: string, text: string): Piece {
  return { text, newline: text.includes('\r\n') ? '\r\n' : '\n', json: file.endsWith('.json') }
}

/** Where the last thing in a collection ends; that of a block collection, at whatever depth it is. */
export function endOfLast(collection: YAMLMap | YAMLSeq): number {
  const last = collection.items.at(-1)
  const node = isPair(last) ? last.value ?? last.key : last
  return isCollection(node) && node.flow !== true ? endOfLast(node as YAMLMap | YAMLSeq) : (node as Node | null | undefined)?.range?.[1] ?? 0
}

export function startOf(node: unknown): number {
  return (isScalar(node) || isCollection(node) ? node.range?.[0] : undefined) ?? 0
}

export function startOfLine(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1
}

/** Where the line ends that holds the character before an offset: a comment behind it stays with it. */
export function endOfLine(text: string, offset: number): number {
  const end = text.indexOf('\n', Math.max(offset - 1, 0))
  if (end === -1) return text.length
  return text[end - 1] === '\r' ? end - 1 : end
}

/** As many blanks as there are columns before an offset. */
export function indentOf(text: string, offset: number): string {
  return ' '.repeat(offset - startOfLine(text, offset))
}
