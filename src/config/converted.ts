import { parseDuration, parseSize } from './units.ts'

// Values of a config that passed its schema, as the program wants them.

export function milliseconds(text: string): number {
  return parseDuration(text) ?? notChecked()
}

export function bytes(text: string): number {
  return parseSize(text) ?? notChecked()
}

function notChecked(): never {
  throw new TypeError('a unit passed the schema that cannot be read')
}

export function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const child of Object.values(value)) freeze(child)
  return Object.freeze(value)
}
