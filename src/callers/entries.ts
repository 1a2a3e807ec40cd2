import { checkSchema } from '../files/schema.ts'
import { soundWithout } from '../files/fault.ts'
import type { Fault, Finding, Path, Sound } from '../files/fault.ts'
import { readYaml } from '../files/yaml.ts'
import type { YamlDocument } from '../files/yaml.ts'
import { keysIn } from '../keys/redact.ts'
import { callerSchema, clusterRoleSchema, documentSchema, scopeSchema } from './schema.ts'
import type { WrittenCaller, WrittenRule } from './schema.ts'

/** A piece of a file, with the way back to its line. */
export interface Entry<T> {
  readonly value: T
  readonly path: Path
  readonly document: YamlDocument
  /** Of paths within the entry: false where the schema has spoken already. */
  readonly sound: Sound
}

/** The items of a list at a path that the schema had nothing against. */
export function soundItems<T>({ sound }: Entry<unknown>, path: Path, list: readonly T[] | undefined): [number, T][] {
  return Array.isArray(list) ? [...list.entries()].filter(([index]) => sound([...path, index])) : []
}

/** A scope, however it was written. */
export interface WrittenGrant {
  readonly name: string
  readonly rules: readonly WrittenRule[]
  readonly clusterRole: boolean
}

export interface Entries {
  readonly scopes: readonly Entry<WrittenGrant>[]
  readonly callers: readonly Entry<WrittenCaller>[]
  readonly faults: readonly Fault[]
}

/** The scopes and callers of one file's text; ClusterRole manifests among them, as documents of their own or as scopes. */
export function readEntries(file: string, text: string): Entries {
  const { documents, faults } = readYaml(file, text)
  const found = documents.map(readDocument)
  return {
    scopes: found.flatMap(({ scopes }) => scopes),
    callers: found.flatMap(({ callers }) => callers),
    faults: [...faults, ...wholeKeys(file, text), ...found.flatMap(({ faults }) => faults)],
  }
}

/** Wherever in the text, in a comment too: whoever may read the file would have what the key opens. */
function wholeKeys(file: string, text: string): Fault[] {
  return keysIn(text).map((offset) => {
    const before = text.slice(0, offset).split('\n')
    const message = 'a whole API key stands here: a key itself is stored nowhere, its id and its sha256 are enough; take it out, and make another one'
    return { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1, path: '', message }
  })
}

function readDocument(document: YamlDocument): Entries {
  const faults: Fault[] = []
  const locate = (findings: readonly Finding[]) => faults.push(...findings.map(finding => document.locate(finding)))
  if (isManifest(document.value)) {
    return { scopes: [readScope(document, document.value, [], locate)], callers: [], faults }
  }
  const { value, findings } = checkSchema(documentSchema, document.value)
  locate(findings)
  if (!soundWithout(findings)([])) return { scopes: [], callers: [], faults }
  return {
    scopes: value.scopes.map((scope, index) => readScope(document, scope, ['scopes', index], locate)),
    callers: value.callers.map((caller, index) => readCaller(document, caller, ['callers', index], locate)),
    faults,
  }
}

type Locate = (findings: readonly Finding[]) => void

function readScope(document: YamlDocument, written: unknown, path: Path, locate: Locate): Entry<WrittenGrant> {
  if (isManifest(written)) {
    const { value, findings } = checkSchema(clusterRoleSchema, written, path)
    locate(findings)
    const name = (value as { metadata?: { name?: unknown } }).metadata?.name
    return { value: { name: String(name), rules: value.rules, clusterRole: true }, path, document, sound: soundAt(path, findings) }
  }
  const { value, findings } = checkSchema(scopeSchema, written, path)
  locate(findings)
  return { value: { name: String(value?.name), rules: value?.rules, clusterRole: false }, path, document, sound: soundAt(path, findings) }
}

function readCaller(document: YamlDocument, written: unknown, path: Path, locate: Locate): Entry<WrittenCaller> {
  const { value, findings } = checkSchema(callerSchema, written, path)
  locate(findings)
  return { value, path, document, sound: soundAt(path, findings) }
}

// Findings have paths from the document's top, an entry's are its own.
function soundAt(at: Path, findings: readonly Finding[]): Sound {
  const sound = soundWithout(findings)
  return path => sound([...at, ...path])
}

function isManifest(value: unknown): value is object {
  return typeof value === 'object' && value !== null && ('kind' in value || 'apiVersion' in value)
}
