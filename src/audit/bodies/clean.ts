import { redacted } from '../../redaction/redact.ts'

export interface CleanOptions {
  readonly dropManagedFields: boolean
  /** Whether the policy lets an object of this name be written; asked of every one that the body holds. */
  readonly mayShow: (metadata: { readonly name: string, readonly namespace: string | undefined }) => boolean
}

/** Levels of nesting; no API object comes near. */
const deepest = 100

/**
 * Takes out of a body, in place, what must not be written: what is in Secrets, wherever they are; what fields and
 * variables hold whose names say that it is secret; managedFields; objects that the policy shows less of.
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
  if (Array.isArray(value)) return value.every(item => walk(item, options, depth + 1))
  if (!isObject(value)) return true
  hideSecret(value)
  hideNamed(value)
  hideMetadata(value, options)
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
const secretName = /^(?:[\w-]*token|[\w-]*passw(?:or)?d|[\w-]*passphrase|[\w-]*secret|[\w-]*(?:api|private|access)[_-]?key|[\w-]*credentials?|bearer)$/i

/** A field by its name; an environment variable, whose name stands beside it; a step of a JSON Patch (RFC 6902), whose path ends with it. */
function hideNamed(value: Json): void {
  for (const [name, field] of Object.entries(value)) if (typeof field === 'string' && secretName.test(name)) value[name] = redacted
  if (typeof value.name === 'string' && typeof value.value === 'string' && secretName.test(value.name)) value.value = redacted
  if (typeof value.path === 'string' && 'op' in value && 'value' in value && secretName.test(value.path.replace(/^.*\//s, ''))) value.value = redacted
}

function hideMetadata({ metadata }: Json, { dropManagedFields }: CleanOptions): void {
  if (!isObject(metadata)) return
  if (dropManagedFields) delete metadata.managedFields
  const { annotations } = metadata
  if (!isObject(annotations)) return
  const applied = annotations[lastApplied]
  // The whole object once more, as text: within a text no field is told from another.
  if (typeof applied === 'string' && (/secret|token|passw/i.test(applied))) annotations[lastApplied] = redacted
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
