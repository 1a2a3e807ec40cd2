import { redactKeys } from '../keys/redact.ts'

/**
 * Takes credentials out of text that is about to be written, whatever put them
 * there: API keys, bearer and basic credentials, JWTs, OpenShift tokens, values of
 * `--token=…`, `PASSWORD=…` and their like, and JSON fields that hold them. Works on
 * plain text and on a serialised JSON line alike, and leaves that line valid JSON.
 *
 * Callers choose what is written, so every pattern takes linear time: a run is
 * entered at its first character only (the lookbehinds) and repeats are bounded.
 */
export function redactSecrets(text: string): string {
  // Most lines hold nothing of the kind; one look instead of seven.
  if (!suspicious.test(text)) return text
  let clean = redactKeys(text)
  for (const [pattern, replacement] of patterns) clean = clean.replace(pattern, replacement)
  return clean
}

export const redacted = '[redacted]'

/** Takes these very texts out, which have no form by which they could be told. The longest first. */
export function redactKnown(text: string, known: readonly string[]): string {
  if (known.length === 0 || !anyOf(known).test(text)) return text
  let clean = text
  for (const secret of known) if (clean.includes(secret)) clean = clean.replaceAll(secret, redacted)
  return clean
}

/** By the list itself, which stays the same until a secret is replaced. */
const patternsOf = new WeakMap<readonly string[], RegExp>()

/** One pattern for all: a look at a line by it costs a twentieth of a search for each. */
function anyOf(known: readonly string[]): RegExp {
  let pattern = patternsOf.get(known)
  if (pattern === undefined) {
    pattern = new RegExp(known.map(secret => secret.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'))
    patternsOf.set(known, pattern)
  }
  return pattern
}

/** Both: what is known to be secret at the time, and what looks like it. */
export function createRedactor(known: () => readonly string[]): (text: string) => string {
  // The known ones first: a pattern may take a piece of one, and leave the rest.
  return text => redactSecrets(redactKnown(text, known()))
}

const secretWord = '(?:token|passw(?:or)?d|passphrase|secret|api[_-]?key|credentials?|authorization)'
const secretField = '(?:(?:proxy-)?authorization|x-api-key|(?:set-)?cookie|password|client_secret|(?:[\\w-]{0,20}[_-])?token)'

const suspicious = new RegExp('pcl[_%]|cGNs|bearer|basic|eyJ|sha256~|PRIVATE KEY|cookie|token|passw|passphrase|secret|api[_-]?key|credential|authorization["=\\\\]', 'i')

const patterns: readonly (readonly [RegExp, string])[] = [
  // The WebSocket subprotocol that carries a bearer token, base64url.
  [/(base64url\.bearer\.authorization\.k8s\.io\.)[\w=-]+/gi, `$1${redacted}`],
  // Six characters at least, and no placeholder: "bearer token" and "Bearer <key>" are prose.
  [/\b(bearer|basic)(\s+|%20|\+)(?!realm=)[^\s"\\<]{6,}/gi, `$1$2${redacted}`],
  [/(?<![\w-])eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?/g, redacted],
  [/sha256~[\w-]+/g, `sha256~${redacted}`],
  // To its end or, where it was cut, to that of the JSON string.
  // Single dashes stand in the headers of an encrypted one (RFC 1421).
  [/-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[^-"\\]|\\.|-(?!----))*(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?/g, redacted],
  [new RegExp(`(?<![\\w.-])([\\w.-]{0,60}?${secretWord})=(?!\\[redacted\\])[^\\s"'\\\\&;]+`, 'gi'), `$1=${redacted}`],
  [new RegExp(`(?<![\\w-])(--?[\\w-]{0,60}?${secretWord}\\s+)(?![-\\s[])[^\\s"'\\\\&;]+`, 'gi'), `$1${redacted}`],
  // As an object's field, and in a flat header array: name, value, name, value. What is followed
  // by a colon is no value but the next field's name (`"name":"token","apiVersion":"v1"`).
  [new RegExp(`("${secretField}"\\s*[:,]\\s*)"(?:[^"\\\\]|\\\\.)*"(?!\\s*:)`, 'gi'), `$1"${redacted}"`],
  // The same in JSON that is itself a string of the line.
  [new RegExp(`(\\\\"${secretField}\\\\"\\s*[:,]\\s*\\\\")[^"\\\\]*`, 'gi'), `$1${redacted}`],
]
