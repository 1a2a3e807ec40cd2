/**
 * The first value of a parameter, as Go's `url.ParseQuery` reads a raw query: parts are
 * separated by `&` alone, a part with a bare `;` or a bad escape is dropped, `+` is a
 * space. Undefined where there is none; an absent `=` is an empty value.
 */
export function firstValue(query: string, name: string): string | undefined {
  for (const part of query.split('&')) {
    if (part === '' || part.includes(';')) continue
    const equals = part.indexOf('=')
    if (unescapeQuery(equals === -1 ? part : part.slice(0, equals)) !== name) continue
    const value = unescapeQuery(equals === -1 ? '' : part.slice(equals + 1))
    if (value !== undefined) return value
  }
  return undefined
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
