import { redacted, redactSecrets } from '../redaction/redact.ts'

/** Cause of a plugin's failure: what it wrote to its stderr, cleaned. For the log and an operator, no caller. */
export class PluginStderr extends Error {
  override readonly name = 'PluginStderr'
}

/** What a plugin wrote to its stderr, without secrets that are known, that look like one, or that might well be one: it prints what it likes. */
export function cleanStderr(stderr: string, known: readonly string[]): string {
  const rest = known.reduce((text, secret) => text.replaceAll(secret, redacted), stderr)
  return redactSecrets(rest).replace(run, cleanRun).replace(opaque, redacted)
}

/** Long, of letters and digits both, in the characters of base64, of hex and of tokens in parts. Paths and host names are such runs, too. */
const run = /(?<![\w+/.=~%-])(?=[\w+/.=~%-]*\d)(?=[\w+/.=~%-]*[A-Za-z])[\w+/.=~%-]{20,}/g

/** The same in one part: no path is. */
const opaque = /(?<![\w+=~-])(?=[\w+=~-]*\d)(?=[\w+=~-]*[A-Za-z])[\w+=~-]{20,}/g

function cleanRun(text: string, offset: number, whole: string): string {
  if (isOfWords(text)) return text
  // Which server it could not reach is what an operator has to know, whatever stands behind.
  const [host = ''] = whole[offset - 1] === ':' ? /^\/\/[\w.-]+(?=\/)/.exec(text) ?? [] : []
  return `${isOfWords(host) ? host : ''}${redacted}`
}

/** Of words, numbers, versions and short names, as paths and host names are. One part that is none, and it may be a secret. */
function isOfWords(text: string): boolean {
  return text.split(/[/.=_~+%-]/).every(part => word.test(part) || short.test(part) || number.test(part))
}

/** `token`, `Library`, `NoCredentialProviders`, `STS`, `python3`. */
const word = /^(?:[A-Z]?[a-z]{1,20}(?:[A-Z][a-z]{2,20})*|[A-Z]{1,12})\d{0,4}$/
/** `k8s`, `e2e`, `1a`; `v1beta1`. */
const short = /^(?:[\da-z]{0,4}|v\d{1,2}(?:alpha|beta)\d{1,2})$/
const number = /^\d{1,12}$/
