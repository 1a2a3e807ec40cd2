import type { Finding, Path } from './fault.ts'
import type { Shape, Static } from './shape.ts'

export interface Checked<T> {
  /** With defaults filled in; of the schema's type where there are no findings. */
  readonly value: T
  readonly findings: readonly Finding[]
}

/** Holds a value, found at a path, against a schema: every fault, not the first. The value itself stays as it was. */
export function checkSchema<S extends Shape>(schema: S, value: unknown, at: Path = []): Checked<Static<S>> {
  const place: Place = { path: [...at], findings: [] }
  const checked = checkFor(schema)(value, place)
  return { value: checked as Static<S>, findings: place.findings }
}

/** Where a check is at the moment, and what it found. The path is one that moves along: it is copied where there is something to say. */
interface Place {
  readonly path: (string | number)[]
  readonly findings: Finding[]
}

/** Returns the value with defaults filled in; what needs none of them is handed on as it is, not copied. */
type Check = (value: unknown, place: Place) => unknown

const checks = new WeakMap<Shape, Check>()

/** A schema's parts are looked through once, not for every one of ten thousand callers. */
function checkFor(shape: Shape): Check {
  let check = checks.get(shape)
  if (check === undefined) checks.set(shape, check = makeCheck(shape))
  return check
}

function makeCheck(shape: Shape): Check {
  const arms = (shape.anyOf ?? [shape]).map(arm => ({ arm, inside: checkInside(arm), wrong: `must be ${expected(arm.title === undefined ? { ...shape, ...arm } : arm)}` }))
  const wrong = `must be ${expected(shape)}`
  return (value, place) => {
    const found = arms.find(({ arm }) => hasType(arm, value))
    if (found === undefined || !hasType(shape, value)) say(place, wrong)
    else if (typeof value === 'object' && value !== null) return found.inside(value, place)
    else if (!fits(found.arm, value)) say(place, found.wrong)
    return value
  }
}

function checkInside(shape: Shape): Check {
  const [list, object] = [checkList(shape), checkObject(shape)]
  return (value, place) => Array.isArray(value) ? list(value, place) : object(value as Fields, place)
}

function say({ path, findings }: Place, message: string, ...further: string[]): void {
  findings.push({ path: [...path, ...further], message })
}

type Fields = Readonly<Record<string, unknown>>

function checkList({ items, minItems = 0 }: Shape): (value: readonly unknown[], place: Place) => readonly unknown[] {
  const check = items === undefined ? undefined : later(items)
  return (value, place) => {
    if (value.length < minItems) say(place, 'must not be empty')
    if (check === undefined) return value
    let result: unknown[] | undefined
    for (const [index, item] of value.entries()) {
      place.path.push(index)
      const checked = check(item, place)
      place.path.pop()
      if (checked !== item) (result ??= [...value])[index] = checked
    }
    return result ?? value
  }
}

interface Field {
  readonly name: string
  readonly check: Check
  readonly fallback: unknown
  readonly required: boolean
  /**
   * A list that is written as null (`verbs:` with nothing behind it, or Go's nil slice)
   * is an empty one where that is the default, as in Kubernetes manifests. Where a
   * missing field would mean "all", null stays a fault.
   */
  readonly nullIsEmpty: boolean
}

function fieldsOf({ properties = {}, required = [] }: Shape): Field[] {
  return Object.entries(properties).map(([name, property]) => ({
    name, check: later(property), fallback: property.default, required: required.includes(name),
    nullIsEmpty: JSON.stringify(property.default) === '[]',
  }))
}

function checkObject(shape: Shape): (value: Fields, place: Place) => Fields {
  const fields = fieldsOf(shape)
  const byName = new Map(fields.map(field => [field.name, field]))
  const { minProperties = 0, maxProperties = Infinity, additionalProperties } = shape
  return (value, place) => {
    const result: Record<string, unknown> = {}
    let count = 0
    for (const name in value) {
      count += 1
      const field = byName.get(name)
      if (field !== undefined) putField(result, field, value[name], place)
      else if (additionalProperties === false) place.findings.push(unknownField(shape, place.path, name))
      else putAny(result, name, value[name])
    }
    if (count < minProperties || count > maxProperties) say(place, `must have exactly one of: ${fields.map(({ name }) => name).join(', ')}`)
    for (const field of fields) if (!Object.hasOwn(result, field.name)) fillIn(result, field, place)
    return result
  }
}

function putField(result: Record<string, unknown>, { name, check, nullIsEmpty }: Field, value: unknown, place: Place): void {
  if (value === null && nullIsEmpty) return
  place.path.push(name)
  result[name] = check(value, place)
  place.path.pop()
}

/** Whatever its name: `__proto__` is one as well. */
function putAny(result: object, name: string, value: unknown): void {
  Object.defineProperty(result, name, { value, writable: true, enumerable: true, configurable: true })
}

function fillIn(result: Record<string, unknown>, { name, check, fallback, required }: Field, place: Place): void {
  // A default is checked as well: it may hold defaults of its own.
  if (fallback !== undefined) putField(result, { name, check, fallback, required, nullIsEmpty: false }, fallback, place)
  else if (required) say(place, 'is missing', name)
}

/** Made when it is first needed: most of a schema's parts say the same, and a part may be deep. */
function later(shape: Shape): Check {
  let check: Check | undefined
  return (value, place) => (check ??= checkFor(shape))(value, place)
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
    // YAML has `.inf` and `.nan`, and 1e999 is infinite as well: JSON has none of them.
    case 'number': return Number.isFinite(value)
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
    : minimum !== undefined ? ` of at least ${minimum}` : exclusiveMinimum !== undefined ? ` above ${exclusiveMinimum}${maximum === undefined ? '' : ` and at most ${maximum}`}` : ''
  return (shape.type === undefined ? 'something else' : typeNames[shape.type]) + range
}
