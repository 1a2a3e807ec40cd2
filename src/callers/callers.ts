import type { CallerDefinition } from '../model/caller.ts'
import type { KeyRecord } from '../keys/key-record.ts'

/** The callers in force. Answers change at once when a reload succeeds; `onChange` tells then. */
export interface Callers {
  /** By the public id of a key. */
  findKey(id: string): KeyRecord | undefined
  /** By its id and its digest (SHA-256 of the whole key): undefined where the id is unknown, or another key's, which takes as long. */
  openKey(id: string, digest: Buffer): KeyRecord | undefined
  all(): readonly CallerDefinition[]
  /** `since`: when what carried the change became what it is, where that is known, in milliseconds since the epoch. Returns the way to stop listening. */
  onChange(listener: (since?: number) => void): () => void
  close(): void
}
