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
  /** Returns the way to stop listening. */
  onChange(listener: () => void): () => void
  close(): void
}
