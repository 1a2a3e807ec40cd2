/** The fields of a JSON object that somebody else wrote: nothing is known of them. */
export type Fields = Readonly<Record<string, unknown>>

/** Empty for whatever has no fields. */
export function asFields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? value as Fields : {}
}

/** Undefined for what is no JSON object. The parser's own error would repeat what it read. */
export function parseFields(text: Buffer | string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text.toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Fields : undefined
  } catch {
    return undefined
  }
}

/** The same text for whatever is the same JSON, in whatever order its fields stand. */
export function formOf(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) => {
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1))
  })
}
