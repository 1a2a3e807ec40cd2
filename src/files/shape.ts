/**
 * The part of JSON Schema that our files' schemas use, and no more: an unknown
 * keyword would be a check that silently does not happen, so a test demands that
 * this and ajv agree.
 */
export interface Shape {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean' | 'null'
  /** What is expected, as the end of the sentence `must be …`. */
  readonly title?: string
  readonly description?: string
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

const optional = Symbol('optional')
declare const type: unique symbol

/** A shape of values of type T. */
export interface Typed<T> extends Shape {
  /** For the compiler alone: it is never there. */
  readonly [type]?: T
}

/** Of a property that may be left out. */
export interface Optional<T> extends Typed<T> {
  readonly [optional]: true
}

/** The TypeScript type of a shape's values, defaults filled in. */
export type Static<S> = S extends Typed<infer T> ? T : never

type Properties = Readonly<Record<string, Shape>>
type OptionalIn<P> = { [K in keyof P]: P[K] extends Optional<unknown> ? K : never }[keyof P]
type Simplify<T> = { [K in keyof T]: T[K] }
type ObjectOf<P> = Simplify<{ [K in Exclude<keyof P, OptionalIn<P>>]: Static<P[K]> } & { [K in OptionalIn<P>]?: Static<P[K]> }>

/**
 * Schemas as plain objects that are JSON Schema themselves, and the types of what they
 * describe: what the checks know, and nothing to import that a start would wait for.
 */
export const Type = {
  String: (options: Shape = {}): Typed<string> => ({ type: 'string', ...options }),
  Number: (options: Shape = {}): Typed<number> => ({ type: 'number', ...options }),
  Integer: (options: Shape = {}): Typed<number> => ({ type: 'integer', ...options }),
  Boolean: (options: Shape = {}): Typed<boolean> => ({ type: 'boolean', ...options }),
  Null: (): Typed<null> => ({ type: 'null' }),
  Unknown: (): Typed<unknown> => ({}),
  /** One of these texts. */
  Enum: <const T extends string>(values: readonly T[], options: Shape = {}): Typed<T> => ({ type: 'string', enum: [...values], ...options }),
  /** A mapping of anything. */
  Record: (options: Shape = {}): Typed<Readonly<Record<string, unknown>>> => ({ type: 'object', ...options }),
  Array: <S extends Shape>(items: S, options: Shape = {}): Typed<Static<S>[]> => ({ type: 'array', items, ...options }),
  Union: <const S extends readonly Shape[]>(anyOf: S, options: Shape = {}): Typed<Static<S[number]>> => ({ anyOf, ...options }),
  Optional: <S extends Shape>(shape: S): S & Optional<Static<S>> => ({ ...shape, [optional]: true }),
  Object<P extends Properties>(properties: P, options: Omit<Shape, 'properties'> = {}): Typed<ObjectOf<P>> & { readonly properties: P } {
    const required = Object.keys(properties).filter(name => !(optional in (properties[name] ?? {})))
    return { type: 'object', ...required.length === 0 ? {} : { required }, properties, ...options }
  },
}
