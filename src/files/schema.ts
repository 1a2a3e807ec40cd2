import type { Static, TSchema } from 'typebox'
import type { Finding, Path } from './fault.ts'

/**
 * The part of JSON Schema that our files' schemas use, and no more: an unknown
 * keyword would be a check that silently does not happen, so a test demands that
 * this and ajv agree.
 */
export interface Shape {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean' | 'null'
  /** What is expected, as the end of the sentence `must be …`. */
  readonly title?: string
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, Shape>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean
  readonly minProperties?: number
  readonly maxProperties?: number
  readonly items?: Shape
  readonly minItems?: number
  readonly pattern?: string
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly maximum?: number
  readonly anyOf?: readonly Shape[]
  /** What to say of a field that is not there on purpose: it belongs elsewhere, or comes later. */
  readonly 'x-unknown'?: Readonly<Record<string, string>>
}

export interface Checked<T> {
  /** With defaults filled in; of the schema's type where there are no findings. */
  readonly value: T
  readonly findings: readonly Finding[]
}

/** Holds a value, found at a path, against a schema: every fault, not the first. The value itself stays as it was. */
export function checkSchema<S extends TSchema>(schema: S, value: unknown, at: Path = []): Checked<Static<S>> {
  const findings: Finding[] = []
  const checked = check(schema as Shape, value, at, findings)
  return { value: checked as Static<S>, findings }
}

function check(shape: Shape, value: unknown, path: Path, findings: Finding[]): unknown {
  const arm = shape.anyOf === undefined ? shape : shape.anyOf.find(one => hasType(one, value))
  if (arm === undefined || !hasType(arm, value)) {
    findings.push({ path, message: `must be ${expected(shape)}` })
    return value
  }
  if (Array.isArray(value)) return checkList(arm, value, path, findings)
  if (typeof value === 'object' && value !== null) return checkObject(arm, value as Fields, path, findings)
  if (!fits(arm, value)) findings.push({ path, message: `must be ${expected(arm.title === undefined ? { ...shape, ...arm } : arm)}` })
  return value
}

type Fields = Readonly<Record<string, unknown>>

function checkList(shape: Shape, value: readonly unknown[], path: Path, findings: Finding[]): unknown[] {
  if (value.length < (shape.minItems ?? 0)) findings.push({ path, message: 'must not be empty' })
  const { items } = shape
  return items === undefined ? [...value] : value.map((item, index) => check(items, item, [...path, index], findings))
}

function checkObject(shape: Shape, value: Fields, path: Path, findings: Finding[]): Fields {
  const { properties = {}, required = [], minProperties = 0, maxProperties = Infinity } = shape
  const result: Record<string, unknown> = {}
  const given = withoutEmptyLists(properties, value)
  for (const [name, field] of Object.entries(given)) {
    const known = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (known !== undefined) result[name] = check(known, field, [...path, name], findings)
    else if (shape.additionalProperties === false) findings.push(unknownField(shape, path, name))
    else result[name] = field
  }
  const count = Object.keys(value).length
  if (count < minProperties || count > maxProperties) {
    findings.push({ path, message: `must have exactly one of: ${Object.keys(properties).join(', ')}` })
  }
  for (const [name, property] of Object.entries(properties)) {
    if (Object.hasOwn(given, name)) continue
    // A default is checked as well: it may hold defaults of its own.
    if (property.default !== undefined) result[name] = check(property, property.default, [...path, name], findings)
    else if (required.includes(name)) findings.push({ path: [...path, name], message: 'is missing' })
  }
  return result
}

/**
 * A list that is written as null (`verbs:` with nothing behind it, or Go's nil slice)
 * is an empty one where that is the default, as in Kubernetes manifests. Where a
 * missing field would mean "all", null stays a fault.
 */
function withoutEmptyLists(properties: Readonly<Record<string, Shape>>, value: Fields): Fields {
  const isEmptyList = (name: string, field: unknown) =>
    field === null && Object.hasOwn(properties, name) && JSON.stringify(properties[name]?.default) === '[]'
  return Object.fromEntries(Object.entries(value).filter(([name, field]) => !isEmptyList(name, field)))
}

function unknownField(shape: Shape, path: Path, name: string): Finding {
  const told = shape['x-unknown']
  const known = Object.keys(shape.properties ?? {}).join(', ')
  const message = told !== undefined && Object.hasOwn(told, name) ? told[name] : undefined
  return { path: [...path, name], message: message ?? `is unknown here; known: ${known}`, atKey: true }
}

function hasType(shape: Shape, value: unknown): boolean {
  switch (shape.type) {
    case undefined: return true
    case 'object': return typeof value === 'object' && value !== null && !Array.isArray(value)
    case 'array': return Array.isArray(value)
    case 'null': return value === null
    case 'integer': return Number.isInteger(value)
    default: return typeof value === shape.type
  }
}

function fits(shape: Shape, value: unknown): boolean {
  if (shape.enum !== undefined && !shape.enum.includes(value)) return false
  if (typeof value === 'string') return shape.pattern === undefined || formOf(shape.pattern).test(value)
  if (typeof value !== 'number') return true
  const { minimum = -Infinity, maximum = Infinity, exclusiveMinimum = -Infinity } = shape
  return value >= minimum && value <= maximum && value > exclusiveMinimum
}

const forms = new Map<string, RegExp>()

function formOf(pattern: string): RegExp {
  const form = forms.get(pattern) ?? new RegExp(pattern, 'u')
  forms.set(pattern, form)
  return form
}

const typeNames = {
  object: 'a mapping', array: 'a list', string: 'a string', integer: 'a whole number', number: 'a number',
  boolean: 'true or false', null: 'null',
} as const

function expected(shape: Shape): string {
  if (shape.title !== undefined) return shape.title
  if (shape.enum !== undefined) return `one of: ${shape.enum.join(', ')}`
  if (shape.anyOf !== undefined) return [...new Set(shape.anyOf.map(expected))].join(' or ')
  const { minimum, exclusiveMinimum, maximum } = shape
  const range = minimum !== undefined && maximum !== undefined
    ? ` from ${minimum} to ${maximum}`
    : minimum !== undefined ? ` of at least ${minimum}` : exclusiveMinimum !== undefined ? ` above ${exclusiveMinimum}` : ''
  return (shape.type === undefined ? 'something else' : typeNames[shape.type]) + range
}
