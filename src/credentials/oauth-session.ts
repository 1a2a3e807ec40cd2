import { noClaims } from './claims.ts'
import type { Material } from './followed.ts'
import { logIn, PasswordRefused } from './oauth-login.ts'
import { metadataPath, readMetadata } from './oauth-metadata.ts'
import { createAsk, type AskOptions } from './oauth-requests.ts'
import { describeReference, readReference, type Reference, type ReferenceOptions } from './reference.ts'
import { Renewing, type RenewingOptions } from './renewing.ts'
import { timeOf } from './times.ts'

export interface OAuthSessionOptions extends
  Omit<AskOptions, 'signal'>, ReferenceOptions, Pick<RenewingOptions, 'log' | 'now' | 'random' | 'schedule'> {
  readonly username: Reference
  readonly password: Reference
  /** Told of the password, each time before it is used. */
  readonly hold: (secrets: readonly string[]) => void
}

/**
 * The session of an OpenShift user, begun anew at 80 % of its life and after a 401 (its end may
 * come before, by an inactivity timeout). User name and password are read at each login, so
 * that a new password in a mounted Secret is taken. Begin with `start`.
 */
export function createOAuthSession(options: OAuthSessionOptions): Renewing {
  return new OAuthSession(options)
}

class OAuthSession extends Renewing {
  readonly #hold: OAuthSessionOptions['hold']

  constructor(options: OAuthSessionOptions) {
    const { username, password, hold, log, now = Date.now, random, schedule } = options
    const unlessRefused = createRefusals(now)
    super({
      kind: 'oauthSession',
      source: `a login with the user name in ${describeReference(username)} and the password in ${describeReference(password)}`,
      renewal: 'a new login at 80 % of its life and after a 401',
      issue: async (signal) => {
        const user = await readUser(options)
        const secret = await readReference(password, options)
        // Closed since: nobody would have it forgotten again.
        signal.throwIfAborted()
        hold([secret])
        const basic = `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`
        return unlessRefused(basic, () => issue({ ...options, signal }, { user, basic, now }))
      },
      // The token before is left to its end and never deleted: streams that it opened, and requests that hold it on their way, go on.
      log, now, ...random === undefined ? {} : { random }, ...schedule === undefined ? {} : { schedule },
    })
    this.#hold = hold
  }

  override close(): void {
    super.close()
    this.#hold([])
  }
}

async function readUser(options: OAuthSessionOptions): Promise<string> {
  const user = await readReference(options.username, options)
  // RFC 7617 §2: what follows the first colon would be read as the password.
  if (/[:\p{Cc}]/u.test(user)) throw new Error(`the user name in ${describeReference(options.username)} has a colon or a control character, which no login can carry`)
  return user
}

interface Attempt {
  readonly user: string
  readonly basic: string
  readonly now: () => number
}

async function issue(options: AskOptions, { user, basic, now }: Attempt): Promise<Material> {
  const ask = createAsk(options)
  const metadata = readMetadata(await ask(new URL(options.server.replace(/\/+$/, '') + metadataPath), { headers: ['Accept', 'application/json'] }))
  const issuedAt = now()
  const { accessToken, expiresIn } = await logIn(metadata, basic, ask)
  return {
    presented: { authorization: `Bearer ${accessToken}`, certificate: undefined },
    claims: { ...noClaims, user, issuer: metadata.issuer, issuedAt, expiresAt: expiresIn === undefined ? undefined : timeOf(issuedAt + expiresIn * 1000) },
  }
}

/** Milliseconds in which what was refused is not sent again: directories lock an account after a few wrong passwords. */
const refusedFor = 600_000

/** Gives the refusal again, without a login, while user name and password are the ones refused. */
function createRefusals(now: () => number) {
  let last: { readonly basic: string, readonly at: number, readonly error: PasswordRefused } | undefined
  return async (basic: string, logInAnew: () => Promise<Material>): Promise<Material> => {
    // Either way: a clock that was set back would make it hours.
    if (last?.basic === basic && Math.abs(now() - last.at) < refusedFor) throw last.error
    try {
      return await logInAnew()
    } catch (error) {
      if (error instanceof PasswordRefused) last = { basic, at: now(), error }
      throw error
    }
  }
}
