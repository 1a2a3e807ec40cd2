import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { Fetched } from '../clusters/cluster.ts'
import { headerValue, headerValues } from '../headers/read.ts'
import { looksRight, type Examined } from './document.ts'
import type { DocumentKind } from './target.ts'

const no: Examined = { cacheable: false }
const unzip = promisify(gunzip)
const largestUnzipped = 256 << 20

/**
 * Whether an answer may be given to others: a 200, whole, of the right type, whose
 * content is the document that was asked for. A login page or a Status with a 200
 * in front is none.
 */
export async function examine(kind: DocumentKind, gzip: boolean, { status, headers, body }: Fetched): Promise<Examined> {
  if (status !== 200 || !isWhole(headers) || isPersonal(headers)) return no
  const encoding = headerValue(headers, 'content-encoding')?.toLowerCase() ?? 'identity'
  if (encoding !== 'identity' && !(encoding === 'gzip' && gzip)) return no
  const content = encoding === 'gzip' ? await unzipped(body) : body
  if (content === undefined) return no
  const [contentType = '', second] = headerValues(headers, 'content-type')
  return second === undefined ? looksRight(kind, contentType, content) : no
}

/** A body that ends with its connection cannot be told from one that was cut off. */
function isWhole(headers: readonly string[]): boolean {
  if (headerValue(headers, 'content-range') !== undefined) return false
  return headerValue(headers, 'content-length') !== undefined || headerValue(headers, 'transfer-encoding') !== undefined
}

/** The API server marks every legacy document `no-cache, private`: that says to revalidate, which is done here. */
function isPersonal(headers: readonly string[]): boolean {
  return headerValue(headers, 'set-cookie') !== undefined
    || headerValues(headers, 'cache-control').some((value) => /\bno-store\b/i.test(value))
    || headerValues(headers, 'vary').some((value) => value.includes('*'))
}

async function unzipped(body: Buffer): Promise<Buffer | undefined> {
  try {
    return await unzip(body, { maxOutputLength: largestUnzipped })
  } catch {
    return undefined
  }
}
