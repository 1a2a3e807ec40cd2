import { createOAuthSession, type OAuthSessionOptions } from '../../src/credentials/oauth-session.ts'
import type { Renewing } from '../../src/credentials/renewing.ts'
import { startOAuthServer, type OAuthServer, type OAuthServerOptions } from './oauth-server.ts'
import { startUpstream, type Answer, type Upstream } from './recording-upstream.ts'
import type { Scope } from './scope.ts'

export const user = 'portcullis-robot'
export const password = 'pa:ss wörd/+%3D-S3cret'

export interface OAuthCase {
  readonly oauth: OAuthServer
  readonly api: Upstream
  readonly credential: Renewing
  /** Where the credential finds USERNAME and PASSWORD. */
  readonly env: Record<string, string>
  readonly clock: { time: number }
  /** Of what is planned, how many milliseconds until then. */
  readonly planned: { readonly ms: number, readonly run: () => void }[]
  /** What the API server answers at /.well-known/oauth-authorization-server instead. */
  tell(answer: Answer): void
  /** Every message and cause that was logged. */
  logged(): string
}

export interface OAuthCaseOptions extends Partial<OAuthSessionOptions> {
  readonly oauthServer?: Partial<OAuthServerOptions>
  readonly response?: number
}

/** A session of a user at an OAuth server with an authority of its own, under a clock that the test moves. */
export async function startOAuthCase(t: Scope, { oauthServer = {}, response = 5000, ...rest }: OAuthCaseOptions = {}): Promise<OAuthCase> {
  const oauth = await startOAuthServer(t, { users: { [user]: password }, ...oauthServer })
  const api = await startUpstream(t)
  const state: { told: Answer } = { told: undefined }
  api.answer(() => state.told ?? { status: 200, headers: ['Content-Type', 'application/json'], body: JSON.stringify(oauth.metadata) })
  const env: Record<string, string> = { USERNAME: user, PASSWORD: `${password}\n` }
  const clock = { time: Date.parse('2026-11-21T12:00:00Z') }
  const planned: { ms: number, run: () => void }[] = []
  const lines: string[] = []
  const write = (facts: object, message: string) => { lines.push(message, ...chain((facts as { err?: unknown }).err)) }
  const credential = createOAuthSession({
    name: 'prod', server: api.url, ca: api.ca + oauth.ca, tlsServerName: undefined, timeouts: { connect: 5000, response },
    username: { kind: 'env', variable: 'USERNAME' }, password: { kind: 'env', variable: 'PASSWORD' }, hold() {}, env, allowLoose: false,
    log: { info: write, warn: write, error: write }, now: () => clock.time, random: () => 0,
    schedule: (ms, run) => {
      const entry = { ms, run }
      planned.push(entry)
      return () => { planned.splice(planned.indexOf(entry), 1) }
    },
    ...rest,
  })
  t.teardown(() => credential.close())
  return { oauth, api, credential, env, clock, planned, tell: (answer) => { state.told = answer }, logged: () => lines.join('\n') }
}

/** All that an error says, and its causes. */
export function chain(error: unknown): string[] {
  return error instanceof Error ? [error.message, error.stack ?? '', ...chain(error.cause)] : []
}

/** What of a login may stand in no message, in the forms in which it travels. */
export function secretsOf({ tokens, codes }: Pick<OAuthServer, 'tokens' | 'codes'>, secret = password): string[] {
  const plain = [secret, ...tokens, ...codes]
  return plain.flatMap(text => [text, encodeURIComponent(text), new URLSearchParams({ '': text }).toString().slice(1), Buffer.from(text).toString('base64')])
    .concat(Buffer.from(`${user}:${secret}`).toString('base64'))
}
