import { STATUS_CODES } from 'node:http'
import { toStatus, type ProxyError } from '../errors.ts'

export interface Refusal {
  readonly status: number
  readonly message: string
  readonly headers: readonly string[]
  readonly body: Buffer
}

/** A refusal as the caller reads it: a `metav1.Status` and the headers that go with its code. */
export function toRefusal(error: ProxyError, auditId: string): Refusal {
  const body = Buffer.from(`${JSON.stringify(toStatus(error))}\n`)
  const headers = [
    'Audit-Id', auditId,
    'Cache-Control', 'no-cache, private',
    'Content-Type', 'application/json',
    'Content-Length', String(body.length),
  ]
  if (error.status === 401) headers.push('WWW-Authenticate', 'Bearer realm="portcullis"')
  if (error.status === 405) headers.push('Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS')
  if (error.retryAfter !== undefined) headers.push('Retry-After', String(error.retryAfter))
  return { status: error.status, message: STATUS_CODES[error.status] ?? '', headers, body }
}
