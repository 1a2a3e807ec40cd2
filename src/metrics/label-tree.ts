type LabelValue = string | number

/**
 * What is counted, by the values of its labels. Found without making a text or an object of them, which is what most of a
 * prom-client call costs; whoever scrapes gets them as such.
 */
export class LabelTree<T extends object> {
  readonly #names: readonly string[]
  readonly #make: () => T
  readonly #root = new Map<LabelValue, unknown>()

  constructor(names: readonly string[], make: () => T) {
    this.#names = names
    this.#make = make
  }

  /** `values`: one for each of the names, in their order. */
  at(values: readonly LabelValue[]): T {
    let level = this.#root
    for (let i = 0; i < values.length; i += 1) {
      const value = values[i] ?? ''
      let next = level.get(value)
      if (next === undefined) level.set(value, next = i === values.length - 1 ? this.#make() : new Map())
      level = next as typeof level
    }
    return level as unknown as T
  }

  all(): { readonly labels: Record<string, LabelValue>, readonly value: T }[] {
    const walk = (level: Map<LabelValue, unknown>, [name = '', ...names]: readonly string[], labels: Record<string, LabelValue>): ReturnType<LabelTree<T>['all']> =>
      [...level].flatMap(([value, below]) => {
        const known = { ...labels, [name]: value }
        return names.length === 0 ? [{ labels: known, value: below as T }] : walk(below as Map<LabelValue, unknown>, names, known)
      })
    return walk(this.#root, this.#names, {})
  }
}
