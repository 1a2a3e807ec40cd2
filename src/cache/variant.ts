import { headerValues } from '../headers/read.ts'

/** What, beside the target, decides which bytes answer a request. */
export interface Variant {
  /** The whole of it, in order, less the white space that means nothing; empty where there was none. */
  readonly accept: string
  /** True: the answer may be gzipped. The API server knows no other coding. */
  readonly gzip: boolean
}

/** These ask for less than the document, or for it under a condition that only upstream can judge. */
const unshared: readonly string[] = ['range', 'if-range', 'if-match', 'if-unmodified-since', 'transfer-encoding']

const longestAccept = 1024

/** Undefined where a shared answer will not do. */
export function readVariant(rawHeaders: readonly string[]): Variant | undefined {
  if (unshared.some((name) => headerValues(rawHeaders, name).length > 0)) return undefined
  if (headerValues(rawHeaders, 'content-length').some((value) => value !== '0')) return undefined
  const accept = normalizeAccept(headerValues(rawHeaders, 'accept'))
  if (accept === undefined) return undefined
  return { accept, gzip: acceptsGzip(headerValues(rawHeaders, 'accept-encoding').join(',')) }
}

/**
 * Order and case stay, for the API server's negotiation minds the first and may
 * mind the second. White space inside quotes would mean something.
 */
function normalizeAccept(lines: readonly string[]): string | undefined {
  const all = lines.join(',')
  if (all.includes('"') || all.length > longestAccept) return undefined
  return all.split(',').map(trimParameters).filter((range) => range !== '').join(',')
}

function trimParameters(range: string): string {
  return range.split(';').map((part) => part.trim()).join(';')
}

/** RFC 9110 §12.5.3. */
function acceptsGzip(acceptEncoding: string): boolean {
  return acceptEncoding.split(',').some((coding) => {
    const [name, ...parameters] = coding.split(';').map((part) => part.trim().toLowerCase())
    return name === 'gzip' && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter))
  })
}
