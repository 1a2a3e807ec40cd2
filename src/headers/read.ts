import { lowerCase } from './by-name.ts'

/** Every value of one header, a line each, in order. `lowerName` is lower-case. */
export function headerValues(rawHeaders: readonly string[], lowerName: string): string[] {
  const values: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (isNamed(rawHeaders[i] ?? '', lowerName)) values.push(rawHeaders[i + 1] ?? '')
  }
  return values
}

/** The first line's value; for headers of which there is at most one. */
export function headerValue(rawHeaders: readonly string[], lowerName: string): string | undefined {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (isNamed(rawHeaders[i] ?? '', lowerName)) return rawHeaders[i + 1] ?? ''
  }
  return undefined
}

/** The members of a header that is a list, over all its lines, in order; empty ones are none (RFC 9110 §5.6.1). */
export function listed(rawHeaders: readonly string[], lowerName: string): string[] {
  const values = headerValues(rawHeaders, lowerName)
  if (values.length === 0) return values
  return values.flatMap(value => value.split(',')).map(member => member.trim()).filter(member => member !== '')
}

// The length first: most names differ in it.
function isNamed(name: string, lowerName: string): boolean {
  return name.length === lowerName.length && lowerCase(name) === lowerName
}
