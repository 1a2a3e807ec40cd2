import { createHash, randomBytes } from 'node:crypto'
import { Queue } from './queue.ts'
import { startUpstream, type Answer, type RecordedRequest, type Upstream, type UpstreamOptions } from './recording-upstream.ts'
import type { Scope } from './scope.ts'

/** What it is asked for, in the order of a login. */
export type OAuthStep = 'challenge' | 'password' | 'token'

export interface OAuthServerOptions extends UpstreamOptions {
  /** Password by user name. */
  readonly users: Readonly<Record<string, string>>
  /** Seconds; default: OpenShift's 24 h. */
  readonly expiresIn?: number
  /** False: an OpenShift 3 that knows of no PKCE and gives the token at once. */
  readonly pkce?: boolean
}

/**
 * The OAuth server of an OpenShift, on an origin of its own: it gives a token only to whoever keeps
 * to the challenge flow of `openshift-challenging-client`, and remembers what was not kept to.
 */
export interface OAuthServer {
  readonly url: string
  /** PEM. */
  readonly ca: string
  /** What the API server answers at /.well-known/oauth-authorization-server. */
  readonly metadata: Readonly<Record<string, unknown>>
  readonly upstream: Upstream
  /** Every token, oldest first. */
  readonly tokens: readonly string[]
  /** Every code, used or not. */
  readonly codes: readonly string[]
  /** What a client did that the flow does not have. */
  readonly faults: readonly string[]
  /** The oldest token not yet taken here, or the next to come. */
  nextToken(): Promise<string>
  /** Whether an API server takes this Authorization: of a token that is not revoked and has not ended. */
  takes(authorization: string | undefined): boolean
  revokeAll(): void
  setPassword(user: string, password: string): void
  /** What a step is answered with instead, until it is undefined; a password is checked before. */
  answerStep(step: OAuthStep, answer: ((request: RecordedRequest) => Answer) | undefined): void
}

interface Granted { readonly redirectUri: string, readonly challenge: string }

const client = 'openshift-challenging-client'
const json = ['Content-Type', 'application/json']

export async function startOAuthServer(t: Scope, options: OAuthServerOptions): Promise<OAuthServer> {
  const upstream = await startUpstream(t, options)
  const server = new Server(upstream, options)
  upstream.answer((request) => server.answer(request))
  return server
}

class Server implements OAuthServer {
  readonly url: string
  readonly ca: string
  readonly upstream: Upstream
  readonly tokens: string[] = []
  readonly codes: string[] = []
  readonly faults: string[] = []
  readonly #options: OAuthServerOptions
  readonly #users: Map<string, string>
  readonly #granted = new Map<string, Granted>()
  readonly #valid = new Map<string, number>()
  readonly #issued = new Queue<string>()
  readonly #instead = new Map<OAuthStep, (request: RecordedRequest) => Answer>()

  constructor(upstream: Upstream, options: OAuthServerOptions) {
    this.upstream = upstream
    this.url = upstream.url
    this.ca = upstream.ca
    this.#options = options
    this.#users = new Map(Object.entries(options.users))
  }

  get metadata() {
    return {
      issuer: this.url,
      authorization_endpoint: `${this.url}/oauth/authorize`,
      token_endpoint: `${this.url}/oauth/token`,
      response_types_supported: ['code', 'token'],
      grant_types_supported: ['authorization_code', 'implicit'],
      ...this.#options.pkce === false ? {} : { code_challenge_methods_supported: ['plain', 'S256'] },
    }
  }

  nextToken(): Promise<string> {
    return this.#issued.take()
  }

  takes(authorization: string | undefined): boolean {
    return Date.now() < (this.#valid.get(authorization ?? '') ?? 0)
  }

  revokeAll(): void {
    this.#valid.clear()
  }

  setPassword(user: string, password: string): void {
    this.#users.set(user, password)
  }

  answerStep(step: OAuthStep, answer: ((request: RecordedRequest) => Answer) | undefined): void {
    if (answer === undefined) this.#instead.delete(step)
    else this.#instead.set(step, answer)
  }

  async answer(request: RecordedRequest): Promise<Answer> {
    const url = new URL(request.target, this.url)
    if (url.pathname === '/oauth/authorize') return this.#authorize(request, url.searchParams)
    // An OpenShift 3 is its own OAuth server.
    if (url.pathname === '/.well-known/oauth-authorization-server') return { status: 200, headers: json, body: JSON.stringify(this.metadata) }
    if (url.pathname === '/oauth/token') return this.#token(request, new URLSearchParams((await request.body).start.toString()))
    return this.#fault(`${request.method} ${url.pathname} is no part of a login`)
  }

  #authorize(request: RecordedRequest, query: URLSearchParams): Answer {
    const redirectUri = query.get('redirect_uri') ?? ''
    if (request.method !== 'GET') return this.#fault('the authorization endpoint takes GET')
    if (query.get('client_id') !== client) return this.#fault('another client')
    if (redirectUri !== `${this.url}/oauth/token/implicit`) return this.#fault('a redirect URI that is not registered')
    const [authorization] = request.all('authorization')
    // A browser that was lured here is asked for no password.
    if (request.all('x-csrf-token').join('') === '') return { status: 401, headers: ['Warning', '199 Origin "A non-empty X-CSRF-Token header is required"'] }
    const challenge: Answer = { status: 401, headers: ['WWW-Authenticate', 'Basic realm="openshift"'] }
    if (authorization === undefined) return this.#instead.get('challenge')?.(request) ?? challenge
    if (!this.#knows(authorization)) return challenge
    return this.#instead.get('password')?.(request) ?? this.#grant(query, redirectUri)
  }

  #knows(authorization: string): boolean {
    const [user = '', password] = Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString().split(/:(.*)/s)
    return password !== undefined && this.#users.get(user) === password
  }

  #grant(query: URLSearchParams, redirectUri: string): Answer {
    const challenge = query.get('code_challenge') ?? ''
    if (query.get('response_type') === 'token') {
      if (this.#options.pkce !== false) this.faults.push('a token at once, where there is PKCE')
      const fragment = new URLSearchParams({ access_token: this.#issue(), token_type: 'Bearer', expires_in: String(this.#life) })
      return { status: 302, headers: ['Location', `${redirectUri}#${fragment.toString()}`] }
    }
    if (query.get('response_type') !== 'code') return this.#fault('another response type')
    if (query.get('code_challenge_method') !== 'S256' || !/^[\w-]{43}$/.test(challenge)) return this.#fault('no S256 challenge')
    const code = `sha256~code-${randomBytes(12).toString('base64url')}`
    this.codes.push(code)
    this.#granted.set(code, { redirectUri, challenge })
    return { status: 302, headers: ['Location', `${redirectUri}?${new URLSearchParams({ code, state: '' }).toString()}`] }
  }

  #token(request: RecordedRequest, form: URLSearchParams): Answer {
    const code = form.get('code') ?? ''
    const granted = this.#granted.get(code)
    // Good for one use.
    this.#granted.delete(code)
    if (request.method !== 'POST') return this.#fault('a token is asked for by POST')
    if (request.all('authorization')[0] !== `Basic ${Buffer.from(`${client}:`).toString('base64')}`) return this.#fault('another client at the token endpoint')
    if (form.get('grant_type') !== 'authorization_code') return this.#fault('another grant')
    if (granted === undefined || granted.redirectUri !== form.get('redirect_uri')) return this.#fault('a code that is not good')
    const proof = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url')
    if (proof !== granted.challenge) return this.#fault('a verifier that does not fit')
    const instead = this.#instead.get('token')?.(request)
    if (instead !== undefined) return instead
    return { status: 200, headers: json, body: JSON.stringify({ access_token: this.#issue(), token_type: 'Bearer', expires_in: this.#life }) }
  }

  get #life(): number {
    return this.#options.expiresIn ?? 86_400
  }

  #issue(): string {
    const token = `sha256~${randomBytes(32).toString('base64url')}`
    this.tokens.push(token)
    this.#valid.set(`Bearer ${token}`, this.#life === 0 ? Infinity : Date.now() + this.#life * 1000)
    this.#issued.put(token)
    return token
  }

  #fault(what: string): Answer {
    this.faults.push(what)
    return { status: 400, headers: json, body: '{"error":"invalid_request"}' }
  }
}
