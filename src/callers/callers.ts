import type { CallerDefinition } from '../model/caller.ts'

export interface KeyRecord {
  readonly id: string
  /** SHA-256 of the whole key, 32 bytes. */
  readonly sha256: Buffer
  /** Milliseconds since the epoch. */
  readonly expiresAt: number | undefined
  readonly revokedAt: number | undefined
  readonly caller: CallerDefinition
}

/** The callers in force. Answers change at once when a reload succeeds; `onChange` tells then. */
export interface Callers {
  /** By the public id of a key. */
  findKey(id: string): KeyRecord | undefined
  all(): readonly CallerDefinition[]
  /** `since`: when what carried the change became what it is, where that is known, in milliseconds since the epoch. Returns the way to stop listening. */
  onChange(listener: (since?: number) => void): () => void
  close(): void
}
