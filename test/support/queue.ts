/** First in, first out, for one reader that waits: nothing is missed and nothing polled. */
export class Queue<T> {
  readonly #items: T[] = []
  readonly #waiting: ((item: T) => void)[] = []
  #last: { readonly item: T } | undefined

  get size(): number {
    return this.#items.length
  }

  put(item: T): void {
    const waiting = this.#waiting.shift()
    if (waiting === undefined) this.#items.push(item)
    else waiting(item)
  }

  /** Nothing more will come: whoever takes beyond the end gets this item, every time. */
  finish(item: T): void {
    this.#last ??= { item }
    for (const waiting of this.#waiting.splice(0)) waiting(this.#last.item)
  }

  take(): Promise<T> {
    const next = this.#items.length > 0 ? { item: this.#items.shift() as T } : this.#last
    if (next !== undefined) return Promise.resolve(next.item)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}
