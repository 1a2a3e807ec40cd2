/** What stands behind the first `?` of a request target; empty where there is none. */
export function queryOf(target: string): string {
  const mark = target.indexOf('?')
  return mark === -1 ? '' : target.slice(mark + 1)
}

/**
 * The parameters of a raw query, in order, as Go's `url.ParseQuery` reads them: parts are separated
 * by `&` alone, a part with a bare `;` or a bad escape is dropped, `+` is a space; without `=` a
 * value is empty.
 */
function* parameters(query: string): Generator<readonly [name: string, value: string]> {
  for (const part of query.split('&')) {
    if (part === '' || part.includes(';')) continue
    const equals = part.indexOf('=')
    const name = unescapeQuery(equals === -1 ? part : part.slice(0, equals))
    const value = unescapeQuery(equals === -1 ? '' : part.slice(equals + 1))
    if (name !== undefined && value !== undefined) yield [name, value]
  }
}

/** The first value of every parameter. */
export function firstValues(query: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const [name, value] of parameters(query)) if (!values.has(name)) values.set(name, value)
  return values
}

/** Every value of every parameter, in order. */
export function allValues(query: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>()
  for (const [name, value] of parameters(query)) {
    const known = values.get(name)
    if (known === undefined) values.set(name, [value])
    else known.push(value)
  }
  return values
}

/** Undefined for an escape that is none, or that is no UTF-8 (which the product refuses before it gets here). */
export function unescapeQuery(text: string): string | undefined {
  if (!text.includes('%') && !text.includes('+')) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
