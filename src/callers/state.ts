import type { Fault } from '../files/fault.ts'
import type { CallerDefinition, Rule } from '../model/caller.ts'
import type { KeyRecord } from '../keys/key-record.ts'
import type { KeyTable } from '../keys/key-table.ts'

/** What stands for a definition's whole content: of two loads, equal ones mean equal definitions. */
export type Mark = string

/** Of callers and scopes by name. */
export interface Marks {
  readonly callers: ReadonlyMap<string, Mark>
  readonly scopes: ReadonlyMap<string, Mark>
}

/** Callers as they are in force, with what the next load needs to leave alone what did not change. */
export interface CallersState {
  readonly callers: readonly CallerDefinition[]
  readonly scopes: ReadonlyMap<string, readonly Rule[]>
  readonly keys: KeyTable
  readonly marks: Marks
  /** By the name of their caller. */
  readonly held: ReadonlyMap<string, Held>
  readonly warnings: readonly Fault[]
}

export interface Held {
  readonly definition: CallerDefinition
  readonly keys: readonly KeyRecord[]
}
