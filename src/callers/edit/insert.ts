import { isScalar } from 'yaml'
import type { Node, Pair, YAMLMap, YAMLSeq } from 'yaml'
import { inlineJson, inlineYaml } from './notation.ts'
import { endOfLast, endOfLine, indentOf, startOf, startOfLine } from './piece.ts'
import type { Piece, Splice } from './piece.ts'

/** Puts values at the end of a list, one an item, in the list's own style. */
export function appendItems(piece: Piece, list: YAMLSeq, values: readonly unknown[]): Splice[] {
  const items = values.map(value => inlineOf(piece, value))
  if (list.flow === true) return appendToFlow(piece, list, items)
  const indent = indentOf(piece.text, startOf(list))
  return [{ at: endOfLine(piece.text, endOfLast(list)), text: items.map(item => `${piece.newline}${indent}- ${item}`).join('') }]
}

/** Sets a field of a mapping: in place of what it was, or behind the others. */
export function setField(piece: Piece, map: YAMLMap, name: string, value: unknown): Splice[] {
  const pair = pairOf(map, name)
  if (pair !== undefined) return [insteadOf(piece, pair, inlineOf(piece, value))]
  if (map.flow === true) return appendToFlow(piece, map, [`${piece.json ? JSON.stringify(name) : name}: ${inlineOf(piece, value)}`])
  return [appendLines(piece, map, [`${name}: ${inlineOf(piece, value)}`])]
}

/** Adds values to a list in a mapping; where there is none, one is made. */
export function appendToField(piece: Piece, map: YAMLMap, name: string, list: YAMLSeq | undefined, values: readonly unknown[]): Splice[] {
  if (list !== undefined && list.items.length > 0) return appendItems(piece, list, values)
  if (pairOf(map, name) !== undefined || map.flow === true) return setField(piece, map, name, values)
  return [appendLines(piece, map, [`${name}:`, ...values.map(value => `  - ${inlineOf(piece, value)}`)])]
}

/** Lines behind all others of a block mapping, at its columns. */
export function appendLines({ text, newline }: Piece, map: YAMLMap, lines: readonly string[]): Splice {
  const indent = indentOf(text, startOf(map.items[0]?.key))
  return { at: endOfLine(text, endOfLast(map)), text: lines.map(line => `${newline}${indent}${line}`).join('') }
}

function inlineOf({ json }: Piece, value: unknown): string {
  return json ? inlineJson(value) : inlineYaml(value)
}

export function pairOf(map: YAMLMap, name: string): Pair | undefined {
  return (map.items as Pair[]).find(({ key }) => isScalar(key) && key.value === name)
}

/** `name: old` becomes `name: new`; so do `name:` with nothing behind it, and `[]`. */
export function insteadOf({ text }: Piece, { key, value }: Pair, written: string): Splice {
  const [start, end] = (value as Node | null)?.range ?? [endOfKey(text, key), endOfKey(text, key)]
  return { at: start, text: `${text[start - 1] === ':' ? ' ' : ''}${written}`, instead: end - start }
}

function endOfKey(text: string, key: unknown): number {
  return text.indexOf(':', (key as Node).range?.[1] ?? 0) + 1
}

/** Into braces or brackets: on lines of their own where the last thing in them has one. */
function appendToFlow({ text, newline }: Piece, collection: YAMLMap | YAMLSeq, items: readonly string[]): Splice[] {
  const [start = 0, end = 0] = collection.range ?? []
  // Just before the closing bracket.
  if (collection.items.length === 0) return [{ at: end - 1, text: items.join(', ') }]
  const last = collection.items.at(-1)
  const [from, to] = [startOf((last as Pair | undefined)?.key ?? last), endOfLast(collection)]
  const comma = /^[ \t]*,/.exec(text.slice(to))?.[0] ?? ''
  const line = startOfLine(text, from)
  const ownLine = line > start && text.slice(line, from).trim() === '' && /^[ \t]*(#.*)?\r?\n/.test(text.slice(to + comma.length))
  if (!ownLine) return [{ at: to, text: `, ${items.join(', ')}` }]
  // A comment behind the last one stays behind it.
  const lines = items.map(item => `${newline}${text.slice(line, from)}${item}`).join(',')
  return [...comma === '' ? [{ at: to, text: ',' }] : [], { at: endOfLine(text, to + comma.length), text: lines + comma.trim() }]
}
