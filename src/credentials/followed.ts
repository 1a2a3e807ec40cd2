import { isDeepStrictEqual } from 'node:util'
import { watchFiles, type Watch } from '../files/watch.ts'
import type { Claims } from './claims.ts'
import type { Credential, CredentialFacts, Presented } from './credential.ts'

/** What one reading of the files gives. */
export interface Material {
  readonly presented: Presented
  readonly claims: Claims
}

export interface FollowedOptions extends Pick<CredentialFacts, 'kind' | 'source' | 'renewal'> {
  readonly paths: readonly string[]
  /** Rejects, naming the file and never repeating it, where there is none to be had. */
  readonly read: () => Promise<Material>
  /** Told, without the secret, of files that turned bad. */
  readonly warn: (message: string) => void
  readonly watch?: typeof watchFiles
}

/**
 * A credential in files that somebody else renews, reread when they change. Rejects where
 * the first reading fails; when a later one does, that is reported and the last good one kept.
 */
export async function createFollowed(options: FollowedOptions): Promise<Credential> {
  const { paths, read, watch = watchFiles } = options
  let followed: Followed | undefined
  let missed = false
  // Followed before they are read, so that no change falls between the two.
  const following = await watch(paths, () => {
    missed = true
    void followed?.reread()
  })
  try {
    followed = new Followed(await read(), following, options)
    if (missed) await followed.reread()
    return followed
  } catch (error) {
    following.close()
    throw error
  }
}

class Followed implements Credential {
  readonly #options: FollowedOptions
  readonly #following: Watch
  #material: Material
  #trouble: string | undefined
  #rereading: Promise<void> | undefined
  #closed = false

  constructor(material: Material, following: Watch, options: FollowedOptions) {
    this.#material = material
    this.#following = following
    this.#options = options
  }

  present(): Presented {
    return this.#material.presented
  }

  async renew(rejected: Presented): Promise<boolean> {
    if (this.#material.presented === rejected) await this.reread()
    return this.#material.presented !== rejected
  }

  facts(): CredentialFacts {
    const { kind, source, renewal } = this.#options
    return { kind, source, renewal, claims: this.#material.claims, trouble: this.#trouble }
  }

  close(): void {
    this.#closed = true
    this.#following.close()
  }

  /** Never rejects: the last good one stays. Calls at the same time share one reading. */
  reread(): Promise<void> {
    this.#rereading ??= this.#options.read()
      .then(material => this.#take(material), (error: unknown) => this.#keep((error as Error).message))
      .finally(() => { this.#rereading = undefined })
    return this.#rereading
  }

  #take(material: Material): void {
    // What the files hold by now may be for the cluster that came after.
    if (this.#closed) return
    if (this.#trouble !== undefined) this.#options.warn(`${this.#options.source} is good again`)
    this.#trouble = undefined
    // The same secret is the same object: after a 401 it is no other one.
    if (!isDeepStrictEqual(material.presented, this.#material.presented)) this.#material = material
  }

  #keep(message: string): void {
    if (this.#closed) return
    if (message !== this.#trouble) this.#options.warn(`${message}; the last good one stays in use`)
    this.#trouble = message
  }
}
