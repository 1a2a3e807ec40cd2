import { findPlace } from './path.ts'

/** Rounds of percent-encoding that are looked through; more are refused. */
const maxRounds = 8

/**
 * What is wrong with a raw path, in words for the caller; undefined if nothing is. An
 * encoded slash and a semicolon may stand only in what follows a resolved `proxy`.
 */
export function inspectPath(path: string): string | undefined {
  const raw = path.slice(1).split('/')
  // One trailing slash is no empty segment; and `/` alone has none.
  if (raw.at(-1) === '') raw.pop()
  const tail = opaqueTail(raw)
  for (const [index, segment] of raw.entries()) {
    const fault = inspectSegment(segment, index >= tail)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** The index from which on the segments belong to the proxied server; Infinity without one. */
function opaqueTail(raw: readonly string[]): number {
  // Decoded one by one: a name `x%2Fproxy` must not pass for a name and its subresource.
  const segments = raw.map(segment => decode(segment))
  const place = findPlace(segments)
  if (place?.special === 'proxy') return place.at + 2
  return place !== undefined && segments[place.at + 2] === 'proxy' ? place.at + 3 : Infinity
}

/** Looks at the segment as it is and as it reads after every further decoding. */
function inspectSegment(raw: string, opaque: boolean): string | undefined {
  let text = raw
  for (let round = 0; round <= maxRounds; round++) {
    const fault = inspectReading(text, opaque)
    if (fault !== undefined) return fault
    const next = decode(text)
    if (next === text) return undefined
    text = next
  }
  return 'the path is percent-encoded too many times over'
}

function inspectReading(text: string, opaque: boolean): string | undefined {
  if (/[\\\x00-\x1f\x7f-\x9f]/.test(text)) return 'the path holds a backslash or a control character'
  if (!opaque && text.includes('/')) return 'the path holds an encoded slash'
  if (!opaque && text.includes(';')) return 'the path holds a semicolon'
  for (const piece of text.split('/')) {
    // Some servers cut path parameters off before they look for dots: `..;x`.
    const bare = piece.replace(/;.*$/s, '')
    if (piece === '') return 'the path holds an empty segment'
    if (bare === '.' || bare === '..') return 'the path holds a dot segment'
  }
  return undefined
}

/** Every run of escapes that is valid UTF-8, once. */
function decode(text: string): string {
  if (!text.includes('%')) return text
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
    try {
      return decodeURIComponent(run)
    } catch {
      return run
    }
  })
}
