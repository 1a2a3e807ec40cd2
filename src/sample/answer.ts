import type { Json } from './json.ts'
import type { ApiError } from './status.ts'

/** A request, read whole. Header names are in lower case; repeated headers are joined by a comma. */
export interface Call {
  /** Whose it is. */
  readonly user: string
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export type Chunks = (signal: AbortSignal) => AsyncIterable<string | Buffer>

/** What is sent back: at once, or chunk by chunk until the caller goes. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer | Chunks
}

export const uncached = { 'cache-control': 'no-cache, private' }

export function json(status: number, value: Json, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    headers: { ...uncached, 'content-type': 'application/json', ...headers },
    body: `${JSON.stringify(value)}\n`,
  }
}

export function plain(status: number, body: string): Answer {
  return {
    status,
    headers: { ...uncached, 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
    body,
  }
}

export function failure(error: ApiError): Answer {
  return json(error.code, error.toStatus())
}

export const pageNotFound = plain(404, '404 page not found\n')
