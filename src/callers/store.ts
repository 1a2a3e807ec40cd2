import type { WrittenGrant } from './entries.ts'
import type { WrittenCaller, WrittenKey } from './schema.ts'

/** Something as it is written, and where: `callers.yaml:12:5`, or the object's name in the cluster. */
export interface Stored<T> {
  readonly value: T
  readonly where: string
}

/** What a store holds, sound. */
export interface StoredCallers {
  readonly callers: readonly Stored<WrittenCaller>[]
  readonly scopes: readonly Stored<WrittenGrant>[]
}

/** A caller that is to be made; fields at their default are left out of what is written. */
export type NewCaller = Pick<WrittenCaller, 'name'> & Partial<WrittenCaller>

/** One thing that a command changes. Times are RFC 3339. */
export type CallersChange =
  | { readonly kind: 'add-caller', readonly caller: NewCaller }
  | { readonly kind: 'add-key', readonly caller: string, readonly key: WrittenKey }
  /** Sets these fields of a key that is there, in place of what they were. */
  | { readonly kind: 'set-key', readonly caller: string, readonly id: string, readonly fields: Readonly<Partial<Pick<WrittenKey, 'expiresAt' | 'revokedAt'>>> }

/** Where callers are kept, for the commands that read and change them: files, or the Kubernetes API. */
export interface CallersStore {
  /** Rejects with FaultsError where what is there is not sound. */
  read(): Promise<StoredCallers>
  /**
   * Decides by what is there and changes that as one: nothing another command writes at the same time is
   * lost, and where something changed underneath it is decided anew. All changes of one call are of one
   * caller. Resolves, once it is durable, with where it was written, for people;
   * empty where nothing was to be changed. A throw of `decide` is passed on.
   */
  change(decide: (current: StoredCallers) => readonly CallersChange[]): Promise<string>
}
