import { isMap } from 'yaml'
import type { Document, YAMLMap, YAMLSeq } from 'yaml'
import type { NewCaller } from '../store.ts'
import { blockItems, callersOf, parseDocuments, parseItem } from './find-caller.ts'
import { appendItems, appendLines, insteadOf, pairOf, setField } from './insert.ts'
import { inlineYaml } from './notation.ts'
import { applySplices, endOfLast, endOfLine, indentOf, startOf } from './piece.ts'
import type { Piece, Splice } from './piece.ts'

/** The text of a file with one more caller, behind the others; undefined where there is no place for it. */
export function addCaller(piece: Piece, caller: NewCaller): string | undefined {
  const splices = behindLast(piece, caller) ?? intoDocument(piece, caller)
  return splices === undefined ? undefined : applySplices(piece.text, splices)
}

/** A field a line, lists and mappings in brackets, as in docs/reference/callers.md. */
export function callerLines(caller: NewCaller): string[] {
  const fields = Object.entries(caller).filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0))
  return fields.flatMap(([name, value]) => name === 'keys'
    ? ['keys:', ...(caller.keys ?? []).map(key => `  - ${inlineYaml(key)}`)]
    : [`${name}: ${inlineYaml(value)}`])
}

/** Of a list of an item a line only the last one is parsed: of 10,000 callers all would take seconds. */
function behindLast(piece: Piece, caller: NewCaller): Splice[] | undefined {
  if (piece.json) return undefined
  const items = [...blockItems(piece.text)]
  const last = items.at(-1)
  const node = last === undefined ? undefined : parseItem(last)
  if (last === undefined || node === undefined) return undefined
  const before = items.at(-2)
  const apart = before !== undefined && before.at + before.text.length === last.at && /\n\r?\n$/.test(before.text)
  const at = last.at + endOfLine(last.text, node.flow === true ? node.range?.[1] ?? 0 : endOfLast(node))
  return [{ at, text: (apart ? piece.newline : '') + itemText(piece, caller, ' '.repeat(last.indent)) }]
}

function itemText({ newline }: Piece, caller: NewCaller, indent: string): string {
  return callerLines(caller).map((line, index) => `${newline}${indent}${index === 0 ? '- ' : '  '}${line}`).join('')
}

function intoDocument(piece: Piece, caller: NewCaller): Splice[] | undefined {
  const documents = parseDocuments(piece.text)
  const listed = documents.map(callersOf).find(list => list !== undefined && (list.flow !== true || list.items.length > 0))
  if (listed !== undefined) return intoList(piece, listed, caller)
  const mapping = documents.map(contentsOf).find(map => map !== undefined && pairOf(map, 'kind') === undefined)
  if (mapping !== undefined) return intoMapping(piece, mapping, caller)
  // Comments alone, or a ClusterRole: a JSON text is one document.
  if (piece.json) return piece.text.trim() === '' ? [{ at: 0, instead: piece.text.length, text: `${JSON.stringify({ callers: [caller] }, null, 2)}\n` }] : undefined
  const empty = documents.every(({ contents }) => contents === null || (!isMap(contents) && !('items' in contents)))
  return [{ at: piece.text.length, text: lineBefore(piece) + (empty ? '' : `---${piece.newline}`) + callersSection(piece, caller) }]
}

function contentsOf({ contents }: Document.Parsed): YAMLMap | undefined {
  return isMap(contents) ? contents as YAMLMap : undefined
}

function intoList(piece: Piece, list: YAMLSeq, caller: NewCaller): Splice[] {
  if (list.flow === true) return appendItems(piece, list, [caller])
  const last = endOfLine(piece.text, endOfLast(list))
  return [{ at: last, text: itemText(piece, caller, indentOf(piece.text, startOf(list))) }]
}

/** Without callers so far: `callers: []`, or no word of them. */
function intoMapping(piece: Piece, mapping: YAMLMap, caller: NewCaller): Splice[] {
  if (mapping.flow === true) return setField(piece, mapping, 'callers', [caller])
  const pair = pairOf(mapping, 'callers')
  if (pair === undefined) return [appendLines(piece, mapping, ['callers:', ...indented(caller)])]
  const emptied = insteadOf(piece, pair, '')
  const rest = piece.text.slice(emptied.at + (emptied.instead ?? 0), endOfLine(piece.text, emptied.at + (emptied.instead ?? 0) + 1))
  if (!/^[ \t]*(#.*)?$/.test(rest)) return [insteadOf(piece, pair, inlineYaml([caller]))]
  const at = emptied.at + (emptied.instead ?? 0) + rest.length
  const blanks = rest.trim() === '' ? /[ \t]*$/.exec(piece.text.slice(0, emptied.at))?.[0].length ?? 0 : 0
  return [
    { at: emptied.at - blanks, text: '', instead: (emptied.instead ?? 0) + blanks },
    { at, text: itemText(piece, caller, '  ') },
  ]
}

function indented(caller: NewCaller): string[] {
  return callerLines(caller).map((line, index) => `  ${index === 0 ? '- ' : '  '}${line}`)
}

function callersSection(piece: Piece, caller: NewCaller): string {
  return ['callers:', ...indented(caller), ''].join(piece.newline)
}

function lineBefore({ text, newline }: Piece): string {
  return text === '' || text.endsWith('\n') ? '' : newline
}
