import { createHash, randomBytes } from 'node:crypto'
import type { Fetched } from '../clusters/cluster.ts'
import { ProxyError } from '../errors.ts'
import { parseFields, type Fields } from '../json-fields.ts'
import type { OAuthMetadata } from './oauth-metadata.ts'
import type { Ask, Question } from './oauth-requests.ts'

/** What a login yields. */
export interface OAuthToken {
  readonly accessToken: string
  /** Seconds; undefined: it has no end. */
  readonly expiresIn: number | undefined
}

/** The OAuth server does not take this user name and password. */
export class PasswordRefused extends Error {
  override readonly name = 'PasswordRefused'
}

/** A client of every OpenShift that lets a user in by a challenge instead of a page; it is public, its secret is empty. */
const client = 'openshift-challenging-client'
const clientAuthorization = `Basic ${Buffer.from(`${client}:`).toString('base64')}`

/** OpenShift's own accessTokenMaxAgeSeconds where nobody set another. */
const usualLife = 86_400

/** Error codes of RFC 6749 §4.1.2.1, §4.2.2.1 and §5.2: what else a server says could repeat what we sent. */
const knownErrors = new Set([
  'invalid_request', 'unauthorized_client', 'access_denied', 'unsupported_response_type', 'invalid_scope', 'server_error',
  'temporarily_unavailable', 'invalid_client', 'invalid_grant', 'unsupported_grant_type',
])

/**
 * Logs in as `oc login -u -p` does: a code for a challenge (RFC 7636) and the token for the code,
 * or, where the server has no S256, the token at once (RFC 6749 §4.2). `basic` is sent to the
 * authorization endpoint alone, and no redirect is followed. There is no `state`: the answer comes on
 * the connection that asked. Rejects with an Error without a secret.
 */
export async function logIn(metadata: OAuthMetadata, basic: string, ask: Ask): Promise<OAuthToken> {
  const redirectUri = `${metadata.issuer.replace(/\/+$/, '')}/oauth/token/implicit`
  const login = { redirectUri, basic, ask: askingOAuthServer(ask) }
  return metadata.pkce ? byCode(metadata, login) : atOnce(metadata, login)
}

interface Login {
  readonly redirectUri: string
  readonly basic: string
  readonly ask: Ask
}

async function byCode(metadata: OAuthMetadata, login: Login): Promise<OAuthToken> {
  const verifier = randomBytes(32).toString('base64url')
  const challenge = createHash('sha256').update(verifier).digest('base64url')
  const { query } = await authorize(metadata, login, { response_type: 'code', code_challenge: challenge, code_challenge_method: 'S256' })
  const code = query.get('code')
  if (code === null) throw notForUs(metadata)
  const body = new URLSearchParams({ grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: login.redirectUri })
  const answer = await login.ask(metadata.tokenEndpoint, {
    method: 'POST', body: body.toString(), authorization: clientAuthorization,
    headers: ['Accept', 'application/json', 'Content-Type', 'application/x-www-form-urlencoded'],
  })
  const fields = parseFields(answer.body)
  if (answer.status !== 200) throw new Error(`${server(metadata.tokenEndpoint)} gave no token for its code (${answer.status}${because(fields?.['error'])})`)
  return readToken(fields ?? {}, metadata.tokenEndpoint)
}

async function atOnce(metadata: OAuthMetadata, login: Login): Promise<OAuthToken> {
  const { fragment } = await authorize(metadata, login, { response_type: 'token' })
  if (!fragment.has('access_token')) throw notForUs(metadata)
  return readToken(Object.fromEntries(fragment), metadata.authorizationEndpoint)
}

interface Redirect {
  readonly query: URLSearchParams
  readonly fragment: URLSearchParams
}

async function authorize({ authorizationEndpoint }: OAuthMetadata, { redirectUri, basic, ask }: Login, flow: Readonly<Record<string, string>>): Promise<Redirect> {
  const url = new URL(authorizationEndpoint)
  for (const [name, value] of Object.entries({ client_id: client, redirect_uri: redirectUri, ...flow })) url.searchParams.set(name, value)
  // Without X-CSRF-Token it takes us for a browser that was lured here, and does not ask for a password.
  const question: Question = { headers: ['X-CSRF-Token', '1', 'Accept', 'application/json'] }
  let answer = await ask(url, question)
  if (answer.status === 401) {
    requireBasic(answer, url)
    answer = await ask(url, { ...question, authorization: basic })
    if (answer.status === 401) throw new PasswordRefused(`${server(url)} does not take the user name and the password: one of them is wrong, or the user may not log in`)
  }
  return readRedirect(answer, url, redirectUri)
}

function requireBasic({ headers }: Fetched, url: URL): void {
  const challenges = valuesOf(headers, 'www-authenticate')
  if (challenges.some(challenge => /(?:^|,)\s*basic(?=[\s,]|$)/i.test(challenge))) return
  const offered = challenges.length === 0 ? 'nothing' : challenges.map(challenge => /^\s*([\w-]{1,20})/.exec(challenge)?.[1] ?? 'something else').join(', ')
  throw new Error(`${server(url)} does not let users in by name and password: it asks for ${offered}. A service account's token may be the better credential`)
}

/** Only read: whatever stands in it was never meant to be fetched. */
function readRedirect({ status, headers, body }: Fetched, url: URL, redirectUri: string): Redirect {
  const [location] = valuesOf(headers, 'location')
  if (status < 300 || status > 399 || location === undefined || !URL.canParse(location, url.href)) {
    throw new Error(`${server(url)} answered the login with something else than a redirect (${status}${because(parseFields(body)?.['error'])})`)
  }
  const { origin, pathname, searchParams: query, hash } = new URL(location, url)
  const fragment = new URLSearchParams(hash.slice(1))
  const error = query.get('error') ?? fragment.get('error')
  if (error !== null) throw new Error(`${server(url)} refused the login${because(error)}`)
  const ours = new URL(redirectUri)
  if (origin !== ours.origin || pathname !== ours.pathname) {
    throw new Error(`${server(url)} sends the login on to another page: it wants a browser, or a proxy that knows the user, in front of it`)
  }
  return { query, fragment }
}

function readToken(fields: Fields, url: URL): OAuthToken {
  const { access_token: accessToken, token_type: type = 'Bearer', expires_in: life = usualLife } = fields
  // RFC 6750 §2.1; whatever else it is, it would be no header.
  if (typeof accessToken !== 'string' || !/^[\x21-\x7e]+$/.test(accessToken)) throw new Error(`${server(url)} answered with something that is no token`)
  if (String(type).toLowerCase() !== 'bearer') throw new Error(`${server(url)} gave a token of another type than Bearer`)
  const expiresIn = Number(life)
  if (!Number.isSafeInteger(expiresIn) || expiresIn < 0) throw new Error(`${server(url)} gave a token whose expires_in is no number of seconds`)
  // OpenShift's accessTokenMaxAgeSeconds: 0 is for ever.
  return { accessToken, expiresIn: expiresIn === 0 ? undefined : expiresIn }
}

function notForUs({ authorizationEndpoint }: OAuthMetadata): Error {
  return new Error(`${server(authorizationEndpoint)} answered the login with neither a code, nor a token, nor an error`)
}

/** What kept an answer from coming is said of the API server everywhere else. */
function askingOAuthServer(ask: Ask): Ask {
  return async (url, question) => {
    try {
      return await ask(url, question)
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error
      const message = error.message.replaceAll('the API server', 'the OAuth server')
      throw new ProxyError(error.code, message, { cause: new Error(`${server(url)} was asked`, { cause: error.cause }) })
    }
  }
}

function server({ host }: URL): string {
  return `the OAuth server ${host}`
}

function because(error: unknown): string {
  if (error === undefined) return ''
  return typeof error === 'string' && knownErrors.has(error) ? `: ${error}` : ': an error that OAuth does not know'
}

function valuesOf(headers: readonly string[], name: string): string[] {
  return headers.filter((_, index) => index % 2 === 1 && headers[index - 1]?.toLowerCase() === name)
}
