import type { WrittenKey } from '../schema.ts'
import type { Use } from './status.ts'

/** When callers and their keys were used last, until they are gone. */
export class Uses {
  readonly #byCaller = new Map<string, { at: number, readonly keys: Map<string, number> }>()

  /** Of keys each is kept; of other credentials there are any number, and a status names none of them. */
  add(caller: string, keys: readonly Pick<WrittenKey, 'id'>[], credentialId: string, at: number): void {
    const known = this.#byCaller.get(caller) ?? { at, keys: new Map<string, number>() }
    known.at = Math.max(known.at, at)
    if (keys.some(({ id }) => id === credentialId)) known.keys.set(credentialId, at)
    this.#byCaller.set(caller, known)
  }

  of(caller: string): Use | undefined {
    return this.#byCaller.get(caller)
  }

  forget(caller: string): void {
    this.#byCaller.delete(caller)
  }
}
