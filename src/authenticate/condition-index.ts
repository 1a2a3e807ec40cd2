/**
 * What a condition asks for at one place of a credential: exactly that, or a text that
 * starts so.
 */
export type Mark =
  | { readonly place: string, readonly whole: unknown }
  | { readonly place: string, readonly start: string }

interface Place<T> {
  readonly whole: Map<unknown, T[]>
  /** By the length of the start: a text has one start of each. */
  readonly starts: Map<number, Map<string, T[]>>
}

/**
 * Conditions by a mark of each, so that a credential is held against the few that it may
 * meet and not against those of ten thousand callers. What it gives is more than what fits,
 * never less: whoever asks still has to look at each.
 */
export class ConditionIndex<T> {
  readonly #places = new Map<string, Place<T>>()
  /** Without any mark. */
  readonly #rest: T[] = []

  /** `marksOf`: each one is met by whatever meets the condition. */
  constructor(conditions: readonly T[], marksOf: (condition: T) => readonly Mark[]) {
    const marked = conditions.map(condition => ({ condition, marks: marksOf(condition).map(mark => ({ mark, form: formOf(mark) })) }))
    const counts = new Map<string, number>()
    for (const { marks } of marked) for (const { form } of marks) counts.set(form, (counts.get(form) ?? 0) + 1)
    const rarity = ({ form }: { readonly form: string }) => counts.get(form) ?? 0
    for (const { condition, marks: [first, ...others] } of marked) {
      const rarest = first && others.reduce((best, one) => rarity(one) < rarity(best) ? one : best, first)
      this.#listAt(rarest?.mark).push(condition)
    }
  }

  /** Each once. `valuesAt`: what the credential has at a place. */
  candidates(valuesAt: (place: string) => readonly unknown[]): ReadonlySet<T> {
    const found = new Set(this.#rest)
    const add = (conditions: readonly T[] = []) => { for (const condition of conditions) found.add(condition) }
    for (const [place, { whole, starts }] of this.#places) {
      for (const value of valuesAt(place)) {
        add(whole.get(value))
        if (typeof value !== 'string') continue
        for (const [length, byStart] of starts) add(byStart.get(value.slice(0, length)))
      }
    }
    return found
  }

  #listAt(mark: Mark | undefined): T[] {
    if (mark === undefined) return this.#rest
    const { whole, starts } = getOrAdd(this.#places, mark.place, () => ({ whole: new Map(), starts: new Map() }))
    if ('whole' in mark) return getOrAdd(whole, mark.whole, () => [])
    return getOrAdd(getOrAdd(starts, mark.start.length, () => new Map<string, T[]>()), mark.start, () => [])
  }
}

function formOf(mark: Mark): string {
  return 'whole' in mark ? JSON.stringify([mark.place, mark.whole]) : JSON.stringify([mark.place, mark.start, 'start'])
}

export function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
