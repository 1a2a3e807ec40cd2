import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml'
import type { Document, Node, Pair } from 'yaml'
import { formatPath, wholeFile } from './fault.ts'
import type { Fault, Finding, Path } from './fault.ts'
import { redactSecrets } from '../redaction/redact.ts'

/** One document of a YAML (or JSON) text: its value, and where in the text each piece of it is. */
export interface YamlDocument {
  readonly value: unknown
  locate(finding: Finding): Fault
}

export interface YamlFile {
  /** Empty documents are left out. With faults there are none. */
  readonly documents: readonly YamlDocument[]
  readonly faults: readonly Fault[]
}

/** YAML 1.2 core: dates stay strings, `no` is no boolean; a name given twice is a fault. */
export function readYaml(file: string, text: string): YamlFile {
  const lines = new LineCounter()
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, stringKeys: true, logLevel: 'silent' })
  // The message alone: yaml's own excerpt of the source may hold a secret.
  const faults = parsed.flatMap(document => [...document.errors, ...document.warnings]).map(({ pos, message }) => {
    return { file, ...position(lines, pos[0]), path: '', message: redactSecrets(message) }
  })
  if (faults.length > 0) return { documents: [], faults }
  return readValues(file, parsed, lines)
}

function readValues(file: string, parsed: readonly Document.Parsed[], lines: LineCounter): YamlFile {
  try {
    const documents = parsed.filter(({ contents }) => !(isScalar(contents) && contents.value === null && contents.source === ''))
    return { documents: documents.map(document => toDocument(file, document, lines)), faults: [] }
  } catch (error) {
    // Aliases are resolved here: too many of them (a "billion laughs" file) throw.
    return { documents: [], faults: [wholeFile(file, redactSecrets((error as Error).message))] }
  }
}

function toDocument(file: string, document: Document.Parsed, lines: LineCounter): YamlDocument {
  return {
    value: document.toJS(),
    locate({ path, message, atKey = false }) {
      const offset = offsetOf(document, path, atKey)
      return { file, ...position(lines, offset), path: formatPath(path), message }
    },
  }
}

function position(lines: LineCounter, offset: number): { line: number, column: number } {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}

/** As deep as the path leads: a missing field is reported where it would be. */
function offsetOf(document: Document.Parsed, path: Path, atKey: boolean): number {
  let node: Node | null = document.contents
  let offset = node?.range?.[0] ?? 0
  for (const [depth, part] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document) ?? null
    const key = atKey && depth === path.length - 1
    const found = childOf(node, part, key)
    if (found === undefined) return offset
    node = found
    offset = found.range?.[0] ?? offset
  }
  return offset
}

function childOf(node: Node | null, part: string | number, key: boolean): Node | undefined {
  if (isSeq(node)) return asNode(node.items[Number(part)])
  if (!isMap(node)) return undefined
  const pair = (node.items as Pair[]).find(({ key }) => isScalar(key) && String(key.value) === String(part))
  return asNode(key ? pair?.key : pair?.value ?? pair?.key)
}

function asNode(value: unknown): Node | undefined {
  return isNode(value) ? value : undefined
}
