import type { Caller, CallerDefinition } from '../model/caller.ts'

interface Facts {
  readonly id: string
  /** SHA-256 of the whole key, 32 bytes. */
  readonly sha256: Buffer
  /** Milliseconds since the epoch. */
  readonly expiresAt: number | undefined
  readonly revokedAt: number | undefined
  readonly caller: CallerDefinition
}

/** A key as it is known, which is the caller that whoever presents it is. */
export class KeyRecord implements Caller {
  readonly credentialId: string
  readonly definition: CallerDefinition
  /** Milliseconds since the epoch. */
  readonly expiresAt: number | undefined
  readonly revokedAt: number | undefined
  // No property: what is written of a caller must not come to hold it.
  readonly #sha256: Buffer

  constructor({ id, sha256, expiresAt, revokedAt, caller }: Facts) {
    this.credentialId = id
    this.definition = caller
    this.expiresAt = expiresAt
    this.revokedAt = revokedAt
    this.#sha256 = sha256
  }

  get id(): string {
    return this.credentialId
  }

  /** SHA-256 of the whole key, 32 bytes. */
  get sha256(): Buffer {
    return this.#sha256
  }
}
