import { isDeepStrictEqual } from 'node:util'
import { isCollection, isMap, isPair, isScalar, isSeq, parseAllDocuments, stringify } from 'yaml'
import type { Document, Node, Scalar, YAMLMap, YAMLSeq } from 'yaml'
import { readYaml } from '../files/yaml.ts'
import type { WrittenKey } from './schema.ts'

/** A text to put in, where, and in place of how many characters. */
interface Insertion {
  readonly at: number
  readonly text: string
  readonly instead?: number
}

/**
 * The text of a callers file with one more key for a caller that is in it: every other
 * byte stays. Throws where the caller is not there, or the text is too unusual to be
 * sure of (the result is read back, and must be the old values and the key).
 */
export function addKey(file: string, text: string, caller: string, key: WrittenKey): string {
  const documents = parseAllDocuments(text, { stringKeys: true }) as readonly Document.Parsed[]
  for (const document of documents) {
    const node = findCaller(document, caller)
    if (node === undefined) continue
    const { at, text: added, instead = 0 } = insertionFor(text, node, key, /\.json$/.test(file))
    const changed = text.slice(0, at) + added + text.slice(at + instead)
    if (hasGained(text, changed, caller, key)) return changed
    throw new Error(`${file} is written in a way that a key cannot be added to: write the caller as a mapping of its own, with keys: []`)
  }
  throw new Error(`${file} has no caller ${caller}`)
}

function findCaller(document: Document.Parsed, name: string): YAMLMap | undefined {
  const callers = document.get('callers')
  if (!isSeq(callers)) return undefined
  return callers.items.filter(isMap).find(item => item.get('name') === name)
}

function insertionFor(text: string, caller: YAMLMap, key: WrittenKey, json: boolean): Insertion {
  const entry = json ? JSON.stringify(key) : writeFlow(key)
  const keys = caller.get('keys', true) as unknown
  if (isSeq(keys)) return intoList(text, keys, entry)
  if (isScalar(keys) && keys.value === null) return insteadOfNull(keys, entry)
  if (caller.flow === true) return { at: endOfLast(caller), text: `, ${json ? '"keys"' : 'keys'}: [${entry}]` }
  const indent = indentOf(text, startOf(caller.items[0]?.key))
  const newline = newlineOf(text)
  return { at: endOfLine(text, endOfLast(caller)), text: `${newline}${indent}keys:${newline}${indent}  - ${entry}` }
}

function intoList(text: string, keys: YAMLSeq, entry: string): Insertion {
  if (keys.flow !== true) {
    const indent = indentOf(text, startOf(keys))
    return { at: endOfLine(text, endOfLast(keys)), text: `${newlineOf(text)}${indent}- ${entry}` }
  }
  // Just before the closing bracket.
  if (keys.items.length === 0) return { at: (keys.range?.[1] ?? 0) - 1, text: entry }
  return { at: endOfLast(keys), text: `, ${entry}` }
}

/** `keys:` with nothing behind it, or `null` or `~`. */
function insteadOfNull({ range, source = '' }: Scalar, entry: string): Insertion {
  return { at: range?.[0] ?? 0, text: `${source === '' ? ' ' : ''}[${entry}]`, instead: source.length }
}

/** `{ id: …, sha256: … }`, in quotes where YAML would read a number. */
function writeFlow(key: WrittenKey): string {
  const fields = Object.entries(key).map(([name, value]) => `${name}: ${stringify(value).trim()}`)
  return `{ ${fields.join(', ')} }`
}

function endOfLast(collection: YAMLMap | YAMLSeq): number {
  const last = collection.items.at(-1)
  const node = isPair(last) ? last.value ?? last.key : last
  return isCollection(node) && node.flow !== true ? endOfLast(node as YAMLMap | YAMLSeq) : (node as Node | null)?.range?.[1] ?? 0
}

function startOf(node: unknown): number {
  return (isScalar(node) || isCollection(node) ? node.range?.[0] : undefined) ?? 0
}

/** As many blanks as there are columns before an offset. */
function indentOf(text: string, offset: number): string {
  return ' '.repeat(offset - text.lastIndexOf('\n', offset - 1) - 1)
}

/** Where the line ends that holds the character before an offset: a comment behind it stays with it. */
function endOfLine(text: string, offset: number): number {
  const end = text.indexOf('\n', offset - 1)
  if (end === -1) return text.length
  return text[end - 1] === '\r' ? end - 1 : end
}

function newlineOf(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n'
}

function hasGained(before: string, after: string, caller: string, key: WrittenKey): boolean {
  const expected = valuesOf(before)
  const callers = expected.flatMap(value => (value as { callers?: { name: string, keys?: unknown[] }[] }).callers ?? [])
  const found = callers.find(({ name }) => name === caller)
  if (found === undefined) return false
  found.keys = [...found.keys ?? [], key]
  return isDeepStrictEqual(valuesOf(after), expected)
}

function valuesOf(text: string): unknown[] {
  return readYaml('', text).documents.map(({ value }) => value)
}
