import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { SignJWT } from 'jose/jwt/sign'
import type { KubeObject } from './json.ts'
import { namespaceOf } from './json.ts'
import type { World } from './world.ts'

/** Of the tokens that are made here, and by default their audience too. */
export const issuer = 'https://sample.invalid'

interface Minted {
  readonly account: KubeObject
  readonly audiences: readonly string[]
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

/** Service-account tokens that the sample makes, and knows again until they end. */
export class Tokens {
  readonly #world: Pick<World, 'store' | 'clock'>
  readonly #key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  readonly #minted = new Map<string, Minted>()

  constructor(world: Pick<World, 'store' | 'clock'>) {
    this.#world = world
  }

  /** A signed JWT for a service account that lives for so many milliseconds. */
  async mint(account: KubeObject, audiences: readonly string[], lifetime: number): Promise<{ token: string; expiresAt: number }> {
    const now = this.#world.clock()
    const expiresAt = now + lifetime
    const { name, uid } = account.metadata
    const namespace = namespaceOf(account)
    const token = await new SignJWT({
      // With fractions where it lives for fractions of a second (RFC 7519, NumericDate).
      iat: now / 1000, nbf: now / 1000, exp: expiresAt / 1000,
      aud: [...audiences], iss: issuer, jti: randomUUID(), sub: userOf(account),
      'kubernetes.io': { namespace, serviceaccount: { name, uid } },
    }).setProtectedHeader({ alg: 'ES256', kid: 'sample' }).sign(this.#key)
    for (const [old, minted] of this.#minted) if (minted.expiresAt <= now) this.#minted.delete(old)
    this.#minted.set(token, { account, audiences, expiresAt })
    return { token, expiresAt }
  }

  /** Undefined for what was not made here, is for another audience, has ended, or whose account was deleted, though another has its name. */
  userOf(authorization: string): string | undefined {
    const [, token = ''] = /^Bearer (.+)$/.exec(authorization) ?? []
    const found = this.#minted.get(token)
    if (found === undefined || found.expiresAt <= this.#world.clock() || !found.audiences.includes(issuer)) return undefined
    const { account } = found
    const present = this.#world.store.get('serviceaccounts', namespaceOf(account), account.metadata.name)
    return present?.metadata.uid === account.metadata.uid ? userOf(account) : undefined
  }
}

function userOf(account: KubeObject): string {
  return `system:serviceaccount:${namespaceOf(account)}:${account.metadata.name}`
}
