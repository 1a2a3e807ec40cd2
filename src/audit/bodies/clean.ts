import { hideInArguments, hideUrlPasswords } from '../../redaction/arguments.ts'
import { redacted } from '../../redaction/redact.ts'
import { isSecretName } from '../../redaction/secret-names.ts'

export interface CleanOptions {
  readonly dropManagedFields: boolean
  /** Whether the policy lets an object of this name be written; asked of every one that the body holds. */
  readonly mayShow: (metadata: { readonly name: string, readonly namespace: string | undefined }) => boolean
}

/** Levels of nesting; no API object comes near. */
const deepest = 100

/**
 * Takes out of a body, in place, what must not be written: what is in Secrets, wherever they are; what fields,
 * variables and arguments hold whose names say that it is secret; passwords in URLs; managedFields; objects that the
 * policy shows less of.
 * False where nothing is left that may be written, or it is nested too deeply.
 */
export function cleanBody(body: unknown, options: CleanOptions): boolean {
  if (isObject(body) && !isShown(body, options)) return false
  return walk(body, options, 0)
}

type Json = Record<string, unknown>

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function walk(value: unknown, options: CleanOptions, depth: number): boolean {
  if (depth > deepest) return false
  if (Array.isArray(value)) return value.every((item, index) => {
    if (typeof item === 'string') value[index] = hideUrlPasswords(item)
    return walk(item, options, depth + 1)
  })
  if (!isObject(value)) return true
  hideSecret(value)
  hideNamed(value)
  hideCommand(value)
  hideMetadata(value, options, depth)
  if (Array.isArray(value.items)) value.items = value.items.map(item => shownPart(item, item, options))
  if (Array.isArray(value.rows)) value.rows = value.rows.map(row => shownPart(row, isObject(row) ? row.object : undefined, options))
  return Object.values(value).every(field => walk(field, options, depth + 1))
}

/** A Secret among the objects of a list or a template; where Secrets alone are asked for, no body is written at all. */
function hideSecret(value: Json): void {
  if (value.kind === 'SecretList') delete value.items
  if (value.kind !== 'Secret') return
  for (const field of ['data', 'stringData'] as const) if (field in value) value[field] = redacted
  if (isObject(value.metadata) && isObject(value.metadata.annotations)) delete value.metadata.annotations[lastApplied]
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

/** A field by its name; an environment variable, whose name stands beside it; a step of a JSON Patch (RFC 6902), whose path ends with it. */
function hideNamed(value: Json): void {
  for (const [name, field] of Object.entries(value)) {
    if (typeof field === 'string') value[name] = isSecretName(name) ? redacted : hideUrlPasswords(field)
  }
  if (typeof value.name === 'string' && typeof value.value === 'string' && isSecretName(value.name)) value.value = redacted
  if (typeof value.path === 'string' && 'op' in value && 'value' in value && isSecretName(value.path.replace(/^.*\//s, ''))) value.value = redacted
}

/** Of a container: its arguments are those of one command. */
function hideCommand(value: Json): void {
  const [command, args] = [wordsOf(value.command), wordsOf(value.args)]
  const hidden = hideInArguments([...command, ...args])
  if (command.length > 0) value.command = hidden.slice(0, command.length)
  if (args.length > 0) value.args = hidden.slice(command.length)
}

function wordsOf(value: unknown): readonly string[] {
  return Array.isArray(value) && value.every(word => typeof word === 'string') ? value : []
}

function hideMetadata({ metadata }: Json, options: CleanOptions, depth: number): void {
  if (!isObject(metadata)) return
  if (options.dropManagedFields) delete metadata.managedFields
  const { annotations } = metadata
  if (!isObject(annotations) || !(lastApplied in annotations)) return
  annotations[lastApplied] = cleanText(annotations[lastApplied], options, depth)
}

/** The whole object once more, as text. */
function cleanText(text: unknown, options: CleanOptions, depth: number): unknown {
  if (typeof text !== 'string') return redacted
  try {
    const value = JSON.parse(text) as unknown
    return walk(value, options, depth + 1) ? JSON.stringify(value) : redacted
  } catch {
    return redacted
  }
}

/** An element of a list, or a row of a table with the object that it is about. */
function shownPart(element: unknown, object: unknown, options: CleanOptions): unknown {
  if (!isObject(object) || isShown(object, options)) return element
  const { name, namespace } = object.metadata as Json
  return { metadata: { name, ...namespace === undefined ? {} : { namespace } } }
}

function isShown({ metadata }: Json, { mayShow }: CleanOptions): boolean {
  if (!isObject(metadata) || typeof metadata.name !== 'string') return true
  return mayShow({ name: metadata.name, namespace: typeof metadata.namespace === 'string' ? metadata.namespace : undefined })
}
