/**
 * Thrown where a text leaves the plain part of YAML: it may be fine, or broken in any way;
 * `yaml` has the last word on it. One for all, since no one looks where it comes from.
 */
export const unusual = new Error('not in the plain part of YAML')

const [tab, newline, carriageReturn, space, quote, hash, apostrophe, comma, minus, colon, backslash] =
  [9, 10, 13, 32, 34, 35, 39, 44, 45, 58, 92]
export const chars = {
  tab, newline, carriageReturn, space, quote, hash, apostrophe, comma, minus, colon, backslash,
  openList: 91, closeList: 93, openMap: 123, closeMap: 125,
} as const

/** What a character may be of: a key without quotes (1), the start of a plain scalar (2), its middle (4), its middle within [] and {} (8). */
const roles = new Uint8Array(128)
const [ofKey, ofStart, ofMiddle, ofFlowMiddle] = [1, 2, 4, 8]
for (let code = 33; code < 127; code++) {
  const char = String.fromCharCode(code)
  if (/[\w./-]/.test(char)) roles[code] = (roles[code] ?? 0) | ofKey
  if (/[\w/~$(<=+]/.test(char)) roles[code] = (roles[code] ?? 0) | ofStart
  if (!/[#:]/.test(char)) roles[code] = (roles[code] ?? 0) | ofMiddle
  if (!/[#:,[\]{}]/.test(char)) roles[code] = (roles[code] ?? 0) | ofFlowMiddle
}

function has(code: number, role: number): boolean {
  // Beyond ASCII there is only text, but for controls and the byte-order mark.
  return code < 128 ? ((roles[code] ?? 0) & role) !== 0 : code >= 0xa0 && code !== 0xfeff
}

/** Behind the key that begins here and has no quotes; -1: there is none, with its colon. */
export function keyEnd(text: string, start: number): number {
  let at = start
  if (!has(text.charCodeAt(at), ofStart)) return -1
  for (let code = text.charCodeAt(at); code < 128 && has(code, ofKey); code = text.charCodeAt(at)) at++
  // Longer ones are no keys in YAML.
  return at > start && at - start <= 1000 && text.charCodeAt(at) === colon && isBlank(text.charCodeAt(at + 1)) ? at : -1
}

/** Space, end of line, end of text. */
export function isBlank(code: number): boolean {
  return code === space || code === newline || code === carriageReturn || Number.isNaN(code)
}

/** Behind the scalar without quotes that begins here. */
export function plainEnd(text: string, start: number, flow: boolean): number {
  const first = text.charCodeAt(start)
  const after = first === minus ? text.charCodeAt(start + 1) : first
  // Minus begins a word or a number only where it is followed by one.
  if (!has(after, ofStart)) throw unusual
  const role = flow ? ofFlowMiddle : ofMiddle
  let end = start + 1
  for (let at = end; ; at++) {
    const code = text.charCodeAt(at)
    if (has(code, role)) end = at + 1
    else if (code === colon) {
      const next = text.charCodeAt(at + 1)
      if (isBlank(next) || !has(next, role)) throw unusual
      end = at + 1
    } else if (code === hash) {
      if (text.charCodeAt(at - 1) === space) return end
      end = at + 1
    } else if (code !== space) return end
  }
}

// What may be a number in YAML; all but the plainest of them is left to `yaml`.
const numeric = /^[-+]?(?:0x[\da-f]+|0o[0-7]+|(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|\.inf|\.nan)$/i
const plainNumber = /^(?:0|-?[1-9]\d{0,14})(?:\.\d{1,9})?$/

/** The value of a scalar without quotes, by the core schema of YAML 1.2. */
export function resolvePlain(text: string): unknown {
  switch (text) {
    case '~': case 'null': case 'Null': case 'NULL': return null
    case 'true': case 'True': case 'TRUE': return true
    case 'false': case 'False': case 'FALSE': return false
  }
  const first = text.charCodeAt(0)
  if (first > 57 || first === 47 || !numeric.test(text)) return text
  if (!plainNumber.test(text)) throw unusual
  return Number(text)
}

/** Behind the closing quote of the string that begins here, on this line. */
export function quotedEnd(text: string, start: number): number {
  const open = text.charCodeAt(start)
  for (let at = start + 1; ; at++) {
    const code = text.charCodeAt(at)
    if (code === open) {
      if (open === quote || text.charCodeAt(at + 1) !== apostrophe) return at + 1
      at++
    } else if (code === backslash && open === quote) at++
    else if (!(code >= space) || code === 0xfeff) throw unusual
  }
}

/** The value of a string in quotes. Of the escapes those that JSON has, too. */
export function resolveQuoted(text: string, start: number, end: number): string {
  const inner = text.slice(start + 1, end - 1)
  if (text.charCodeAt(start) === apostrophe) return inner.includes('\'\'') ? inner.replaceAll('\'\'', '\'') : inner
  if (!inner.includes('\\')) return inner
  try {
    return JSON.parse(`"${inner}"`) as string
  } catch {
    throw unusual
  }
}
