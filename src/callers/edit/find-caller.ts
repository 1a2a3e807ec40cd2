import { isMap, isSeq, parseAllDocuments } from 'yaml'
import type { Document, YAMLMap, YAMLSeq } from 'yaml'
import type { Piece } from './piece.ts'

/** A caller's mapping in a piece of the file that begins at an offset of it. */
export interface FoundCaller {
  readonly piece: Piece
  readonly at: number
  readonly node: YAMLMap
}

const options = { stringKeys: true, logLevel: 'silent' } as const

/**
 * Finds a caller by its name. Of a list that is written an item a line, as most are, only what may
 * be it is parsed: all of a file with 10,000 callers takes seconds. What is found so is believed as
 * long as the whole, read back after the edit, is what was meant.
 */
export function findCaller(piece: Piece, name: string): FoundCaller | undefined {
  return findInItems(piece, name) ?? findInDocuments(piece, name)
}

function findInItems(piece: Piece, name: string): FoundCaller | undefined {
  if (piece.json) return undefined
  const word = new RegExp(`(?<![\\w.:@-])${name.replace(/[.]/g, '\\.')}(?![\\w.:@-])`)
  for (const item of blockItems(piece.text)) {
    if (!word.test(item.text)) continue
    const node = parseItem(item)
    if (node?.get('name') === name) return { piece: { ...piece, text: item.text }, at: item.at, node }
  }
  return undefined
}

function findInDocuments(piece: Piece, name: string): FoundCaller | undefined {
  for (const document of parseDocuments(piece.text)) {
    const node = callersOf(document)?.items.filter(isMap).find(item => item.get('name') === name)
    if (node !== undefined) return { piece, at: 0, node }
  }
  return undefined
}

export function parseDocuments(text: string): readonly Document.Parsed[] {
  return parseAllDocuments(text, options) as readonly Document.Parsed[]
}

export function callersOf(document: Document.Parsed): YAMLSeq | undefined {
  const callers = isMap(document.contents) ? document.contents.get('callers') : undefined
  return isSeq(callers) ? callers : undefined
}

/** Whole lines, from the dash on; a blank is in the dash's place, so that what is in them keeps its columns. */
export interface Item {
  readonly text: string
  readonly at: number
  /** The columns before the dash. */
  readonly indent: number
}

/** Undefined where it is no mapping by itself, as one that holds an alias may be none. */
export function parseItem({ text }: Item): YAMLMap | undefined {
  const [document] = parseDocuments(text)
  return isMap(document?.contents) ? document.contents : undefined
}

/** The items of lists that stand under a line `callers:`, an item a line. */
export function* blockItems(text: string): Generator<Item> {
  for (const { index, 0: head } of text.matchAll(/^callers:[ \t]*(?:#.*)?\r?\n/gm)) {
    const starts = itemStarts(text, index + head.length)
    for (const [place, at] of starts.entries()) {
      const end = starts[place + 1]
      if (end === undefined) continue
      const dash = text.indexOf('-', at)
      yield { text: `${text.slice(at, dash)} ${text.slice(dash + 1, end)}`, at, indent: dash - at }
    }
  }
}

/** Where the lines of a list's dashes begin, and last where the list ends. */
function itemStarts(text: string, from: number): number[] {
  const starts: number[] = []
  let indent: number | undefined
  let at = from
  for (; at < text.length; at = nextLine(text, at)) {
    const column = columnOf(text, at)
    const first = text[at + column]
    if (first === '#' || first === '\n' || first === '\r' || first === undefined) continue
    const dash = first === '-' && /\s/.test(text[at + column + 1] ?? ' ')
    indent ??= dash ? column : undefined
    if (indent === undefined || column < indent || (column === indent && !dash)) break
    if (column === indent) starts.push(at)
  }
  return [...starts, Math.min(at, text.length)]
}

function nextLine(text: string, at: number): number {
  const end = text.indexOf('\n', at)
  return end === -1 ? text.length : end + 1
}

function columnOf(text: string, at: number): number {
  let column = 0
  while (text[at + column] === ' ') column += 1
  return column
}
