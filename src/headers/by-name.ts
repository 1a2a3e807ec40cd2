/** More names than clients and an API server use; where callers send others, all are found out anew. */
const mostKnown = 1_000
/** Characters. */
const longestKnown = 64
/** To remember a name costs ten times what to find out does: of names not known each sixteenth is, and a head of thousands pays for few. */
const learned = 16

/**
 * `find`, which must depend on the name alone, remembers its answers: the same few dozen names come with every
 * request, and a text that the parser has just made costs more to look at than to look up.
 */
export function byName<T extends string | boolean | object>(find: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>()
  let unknown = 0
  return function found(name) {
    const before = known.get(name)
    if (before !== undefined) return before
    if (name.length > longestKnown) return find(name)
    unknown = (unknown + 1) % learned
    if (unknown !== 0) return find(name)
    if (known.size >= mostKnown) known.clear()
    const copy = copyOf(name)
    // Of the copy: what has nothing to change in it is the answer itself.
    const now = find(copy)
    known.set(copy, now)
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
