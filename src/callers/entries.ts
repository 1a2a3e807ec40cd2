import { checkSchema } from '../files/schema.ts'
import { everythingIsSound, soundWithout } from '../files/fault.ts'
import type { Fault, Finding, Path, Sound } from '../files/fault.ts'
import { readDocuments } from '../files/documents.ts'
import type { YamlDocument } from '../files/yaml.ts'
import { keysIn, redactKeys } from '../keys/redact.ts'
import { callerSchema, clusterRoleSchema, documentSchema, scopeSchema } from './schema.ts'
import type { WrittenCaller, WrittenRule } from './schema.ts'

/** A piece of a file, with the way back to its line. */
export interface Entry<T> {
  readonly value: T
  readonly path: Path
  readonly document: YamlDocument
  /** Of paths within the entry: false where the schema has spoken already. */
  readonly sound: Sound
  /** What to call it in a fault: `caller ci`. Undefined: it has no name that is one. */
  readonly subject?: string | undefined
}

/** A finding at a path within an entry, and whose it is. */
export function locateIn({ document, path, subject }: Entry<unknown>, within: Path, message: string): Fault {
  return named(document.locate({ path: [...path, ...within], message }), subject)
}

function named(fault: Fault, subject: string | undefined): Fault {
  return subject === undefined ? fault : { ...fault, subject }
}

/** The items of a list at a path that the schema had nothing against. */
export function soundItems<T>({ sound }: Entry<unknown>, path: Path, list: readonly T[] | undefined): Iterable<[number, T]> {
  if (!Array.isArray(list)) return []
  const items = (list as readonly T[]).entries()
  return sound === everythingIsSound ? items : [...items].filter(([index]) => sound([...path, index]))
}

/** A scope, however it was written. */
export interface WrittenGrant {
  readonly name: string
  readonly rules: readonly WrittenRule[]
  readonly clusterRole: boolean
  /** Undefined: it is in force. */
  readonly shadow?: Shadow | undefined
}

/** Of a scope that is tried out: judged and recorded, and never granted. */
export interface Shadow {
  /** Names of scopes; undefined: all scopes and rules of whoever holds it. */
  readonly replaces: readonly string[] | undefined
}

/** Whether a scope of the files, or an object's spec, is tried out. What is no mode at all is a fault by then. */
export function shadowOf(written: { readonly mode?: string, readonly replaces?: readonly string[] } | undefined): Shadow | undefined {
  return written?.mode === 'shadow' ? { replaces: written.replaces } : undefined
}

export interface Entries {
  readonly scopes: readonly Entry<WrittenGrant>[]
  readonly callers: readonly Entry<WrittenCaller>[]
  readonly faults: readonly Fault[]
}

/** The scopes and callers of one file's text; ClusterRole manifests among them, as documents of their own or as scopes. */
export function readEntries(file: string, text: string): Entries {
  const { documents, faults } = readDocuments(file, text)
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
  if (isManifest(document.value)) return { scopes: [readScope(document, document.value, [], faults)], callers: [], faults }
  const { value, findings } = checkSchema(documentSchema, document.value)
  faults.push(...findings.map(finding => document.locate(finding)))
  if (!soundWithout(findings)([])) return { scopes: [], callers: [], faults }
  return {
    scopes: value.scopes.map((scope, index) => readScope(document, scope, ['scopes', index], faults)),
    callers: value.callers.map((caller, index) => readCaller(document, caller, ['callers', index], faults)),
    faults,
  }
}

function readScope(document: YamlDocument, written: unknown, path: Path, faults: Fault[]): Entry<WrittenGrant> {
  if (isManifest(written)) {
    const { value, findings } = checkSchema(clusterRoleSchema, written, path)
    const name: unknown = (value as { metadata?: { name?: unknown } }).metadata?.name
    const subject = subjectOf('scope', name)
    tell(document, findings, subject, faults)
    return { value: { name: String(name), rules: value.rules, clusterRole: true }, path, document, sound: soundAt(path, findings), subject }
  }
  const { value, findings } = checkSchema(scopeSchema, written, path)
  const subject = subjectOf('scope', value?.name)
  tell(document, findings, subject, faults)
  checkMode(value, message => faults.push(named(document.locate({ path: [...path, 'replaces'], message }), subject)))
  return { value: { name: String(value?.name), rules: value?.rules, clusterRole: false, shadow: shadowOf(value) }, path, document, sound: soundAt(path, findings), subject }
}

/** Without the mode it would be one more scope in force, beside what it was to replace. */
export function checkMode(written: { readonly mode?: string, readonly replaces?: unknown } | undefined, tell: (message: string) => void): void {
  if (written?.replaces !== undefined && written.mode !== 'shadow') tell('is for a scope of mode: shadow: this one is in force, beside what it names; add the mode, or take replaces out')
}

function readCaller(document: YamlDocument, written: unknown, path: Path, faults: Fault[]): Entry<WrittenCaller> {
  const { value, findings } = checkSchema(callerSchema, written, path)
  const subject = subjectOf('caller', value?.name)
  tell(document, findings, subject, faults)
  return { value, path, document, sound: soundAt(path, findings), subject }
}

function tell(document: YamlDocument, findings: readonly Finding[], subject: string | undefined, faults: Fault[]): void {
  for (const finding of findings) faults.push(named(document.locate(finding), subject))
}

/** A name that is none, or too long to be one, tells nobody anything: it stays out. */
function subjectOf(kind: 'caller' | 'scope', name: unknown): string | undefined {
  return typeof name === 'string' && /^[!-~]{1,253}$/.test(name) ? `${kind} ${redactKeys(name)}` : undefined
}

// Findings have paths from the document's top, an entry's are its own.
function soundAt(at: Path, findings: readonly Finding[]): Sound {
  const sound = soundWithout(findings)
  return sound === everythingIsSound ? sound : path => sound([...at, ...path])
}

function isManifest(value: unknown): value is object {
  return typeof value === 'object' && value !== null && ('kind' in value || 'apiVersion' in value)
}
