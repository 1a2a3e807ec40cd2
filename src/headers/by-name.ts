/** More names than clients and an API server use; where a caller sends others, all are found out anew. */
const mostKnown = 1_000
/** Characters. */
const longestKnown = 64

/**
 * `find`, which must depend on the name alone, remembers its answers: the same few dozen names come with every
 * request, and a text that the parser has just made costs more to look at than to look up.
 */
export function byName<T extends string | boolean | object>(find: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>()
  return function found(name) {
    const before = known.get(name)
    if (before !== undefined) return before
    const now = find(name)
    if (name.length <= longestKnown) {
      if (known.size >= mostKnown) known.clear()
      known.set(copyOf(name), now)
    }
    return now
  }
}

export const lowerCase = byName(name => name.toLowerCase())

/** RFC 9110 §5.6.2. */
export const isToken = byName(name => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name))

/** A piece of a text would keep the whole of it in memory. */
function copyOf(name: string): string {
  return JSON.parse(JSON.stringify(name)) as string
}
