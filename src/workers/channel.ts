interface Message {
  readonly kind: string
}

/** What a channel goes over: node's `cluster.Worker`, on either side of it. */
export interface Wire {
  isConnected(): boolean
  send(message: object, done: (error: Error | null) => void): unknown
  on(event: string, listener: (message: unknown) => void): unknown
  off(event: string, listener: (message: unknown) => void): unknown
}

type Listeners<In extends Message> = Map<string, ((message: In) => void)[]>

/** One end of what connects the primary with a worker. What is sent where nobody is any more is lost, without an error. */
export class Channel<In extends Message, Out extends Message> {
  readonly #wire: Wire
  readonly #listeners: Listeners<In> = new Map()
  #last: Promise<void> = Promise.resolve()

  constructor(wire: Wire) {
    this.#wire = wire
    // Both ends are ours, of one version.
    wire.on('message', (message) => {
      for (const listener of this.#listeners.get((message as In).kind) ?? []) listener(message as In)
    })
  }

  get open(): boolean {
    return this.#wire.isConnected()
  }

  send(message: Out): void {
    this.#last = new Promise(resolve => this.#wire.send(message, () => resolve()))
  }

  on<Kind extends In['kind']>(kind: Kind, listener: (message: Extract<In, { kind: Kind }>) => void): void {
    this.#listeners.set(kind, [...this.#listeners.get(kind) ?? [], listener as (message: In) => void])
  }

  onGone(listener: () => void): void {
    this.#wire.on('disconnect', listener)
  }

  offGone(listener: () => void): void {
    this.#wire.off('disconnect', listener)
  }

  /** Resolves when all that was sent is out, or lost. */
  flushed(): Promise<void> {
    return this.#last
  }
}
