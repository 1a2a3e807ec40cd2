const refusals = {
  MalformedTarget: { status: 400, reason: 'BadRequest' },
  MalformedHeader: { status: 400, reason: 'BadRequest' },
  AmbiguousCredential: { status: 400, reason: 'BadRequest' },
  MissingKey: { status: 401, reason: 'Unauthorized' },
  MistypedKey: { status: 401, reason: 'Unauthorized' },
  UnknownKey: { status: 401, reason: 'Unauthorized' },
  ExpiredKey: { status: 401, reason: 'Unauthorized' },
  RevokedKey: { status: 401, reason: 'Unauthorized' },
  SourceDenied: { status: 403, reason: 'Forbidden' },
  ClusterDenied: { status: 403, reason: 'Forbidden' },
  ImpersonationDenied: { status: 403, reason: 'Forbidden' },
  ScopeDenied: { status: 403, reason: 'Forbidden' },
  EscalationDenied: { status: 403, reason: 'Forbidden' },
  MethodNotAllowed: { status: 405, reason: 'MethodNotAllowed' },
  RequestTimeout: { status: 408, reason: 'Timeout' },
  HeaderTooLarge: { status: 431, reason: 'BadRequest' },
  BodyTooLarge: { status: 413, reason: 'RequestEntityTooLarge' },
  RateLimited: { status: 429, reason: 'TooManyRequests' },
  TooManyInFlight: { status: 429, reason: 'TooManyRequests' },
  Internal: { status: 500, reason: 'InternalError' },
  CredentialRejected: { status: 502, reason: 'BadGateway' },
  BadUpstream: { status: 502, reason: 'BadGateway' },
  UpstreamUnreachable: { status: 503, reason: 'ServiceUnavailable' },
  Draining: { status: 503, reason: 'ServiceUnavailable' },
  AuditUnavailable: { status: 503, reason: 'ServiceUnavailable' },
  UpstreamTimeout: { status: 504, reason: 'Timeout' },
} as const

export type RefusalCode = keyof typeof refusals

/** Every code there is, for the table of docs/reference/codes.md. Codes are never reused. */
export const refusalCodes = Object.keys(refusals) as RefusalCode[]

export interface RefusalOptions extends ErrorOptions {
  /** Whole seconds (Go reads them into an int32), at least 1; only where no byte of the request went upstream, for client-go repeats any verb. */
  retryAfter?: number
  /** Whose refusals of this kind wait their turn where there are many; undefined: answered at once. */
  pacedAs?: string
}

/**
 * A request's refusal. `message` is written for the caller, without the prefix
 * `portcullis: ` that it gets when sent; `cause` is for the log and never leaves.
 */
export class ProxyError extends Error {
  override readonly name = 'ProxyError'
  readonly code: RefusalCode
  readonly retryAfter: number | undefined
  readonly pacedAs: string | undefined

  constructor(code: RefusalCode, message: string, options: RefusalOptions = {}) {
    super(message, options)
    this.code = code
    this.retryAfter = options.retryAfter
    this.pacedAs = options.pacedAs
  }

  get status(): number {
    return refusals[this.code].status
  }

  get reason(): string {
    return refusals[this.code].reason
  }
}

/** Whatever was thrown, as a refusal: what is not one already says nothing to the caller. */
export function asProxyError(thrown: unknown): ProxyError {
  if (thrown instanceof ProxyError) return thrown
  return new ProxyError('Internal', 'an internal error occurred; the log has it under this Audit-Id', { cause: thrown })
}

/** The `metav1.Status` that kubectl and every client library print well. */
export function toStatus(error: ProxyError): object {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `portcullis: ${error.message}`,
    reason: error.reason,
    details: {
      causes: [{ reason: error.code, message: error.message }],
      ...(error.retryAfter === undefined ? {} : { retryAfterSeconds: error.retryAfter }),
    },
    code: error.status,
  }
}
