import { Type } from '../files/shape.ts'
import type { Optional, Shape, Static, Typed } from '../files/shape.ts'
import { durationForm, sizeForm } from './units.ts'

/** A field's user documentation, its default, and other keywords of the schema. */
interface About {
  readonly description: string
  readonly title?: string
  readonly default?: unknown
  readonly 'x-unknown'?: Readonly<Record<string, string>>
}

/** `30s`, `10m`, `24h`, `90d`. */
export function duration(about: About) {
  return Type.String({ title: 'a duration such as 30s, 10m, 24h or 90d', pattern: durationForm, ...about })
}

/** `64KiB`, `3MiB`. */
export function size(about: About) {
  return Type.String({ title: 'a size such as 64KiB or 3MiB', pattern: sizeForm, ...about })
}

export function port(about: About) {
  return Type.Integer({ minimum: 0, maximum: 65535, ...about })
}

/** Text that is not empty. */
export function text(about: About) {
  return Type.String({ title: 'a text that is not empty', pattern: '^[\\s\\S]+$', ...about })
}

export function choice<const T extends string>(values: readonly T[], about: About): Typed<T> {
  return Type.Enum(values, { ...about })
}

export function texts(about: About) {
  return Type.Array(Type.String({ title: 'a text that is not empty', pattern: '^[\\s\\S]+$' }), { ...about })
}

/** Texts of which one may be empty, where that means something (`""`: the core group, cluster scope, nobody). */
export function anyTexts(about: About) {
  return Type.Array(Type.String(), { ...about })
}

/** Closed: an unknown field is a fault. A field with a default, or optional, may be left out. */
export function section<P extends Record<string, Shape>>(properties: P, about: About) {
  return Type.Object(properties, { ...about, additionalProperties: false })
}

/** Exactly one of the fields: which one says what kind it is. */
export function oneOf<P extends Record<string, Shape>>(properties: P, about: About) {
  const optional = Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, Type.Optional(schema)]))
  return Type.Object(optional as { [K in keyof P]: Optional<Static<P[K]>> }, {
    ...about, additionalProperties: false, minProperties: 1, maxProperties: 1,
  })
}
