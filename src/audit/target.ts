import { redacted, redactKnown, redactSecrets } from '../redaction/redact.ts'

/**
 * A request-target fit for the log: credentials in its query, keys in its path, tokens
 * in exec's arguments and what is `known` to be secret are gone, the rest is as it was sent.
 */
export function hideInTarget(target: string, known: readonly string[]): string {
  const mark = target.indexOf('?')
  const path = hideInPath(mark === -1 ? target : target.slice(0, mark), known)
  return mark === -1 ? path : `${path}?${hideInQuery(target.slice(mark + 1), known)}`
}

function hideInPath(path: string, known: readonly string[]): string {
  return hideEncoded(path, encodeURI, known)
    // `oc logout` deletes the token by its own name; an absolute-form target may hold a password.
    .replace(/(oauth(?:access|authorize)tokens\/)[^/?]+/gi, `$1${redacted}`)
    .replace(/^([a-z]{1,20}:\/\/)[^/@]*@/i, `$1${redacted}@`)
}

const secretParameter = new RegExp('^(?:[a-z_-]{0,30}token|passw(?:or)?d|pwd|[a-z_-]{0,30}secret|(?:x-)?api[_-]?key|key|'
  + 'authorization|credentials?|code|assertion|client_assertion|sig|signature)$', 'i')
const secretFlag = /^--?[\w-]{0,60}(?:token|passw(?:or)?d|passphrase|secret|api[_-]?key|credentials?)$/i

/** Parts are found from separator to separator, so that a long query costs linear time; `;` separated once, too. */
function hideInQuery(query: string, known: readonly string[]): string {
  let flagBefore = false
  return query.replace(/(^|[&;])([^&;=]*)(=?)([^&;]*)/g, (_whole, separator: string, name: string, equals: string, value: string) => {
    const afterFlag = flagBefore && name === 'command'
    flagBefore = name === 'command' && secretFlag.test(decoded(value))
    const before = `${separator}${hideEncoded(name, encodeURIComponent, known)}${equals}`
    const secret = value !== '' && (afterFlag || secretParameter.test(decoded(name)))
    return before + (secret ? redacted : hideEncoded(value, encodeURIComponent, known))
  })
}

/** Looks at the text as it is and as it reads once unescaped, however often it was escaped. */
function hideEncoded(text: string, encode: (plain: string) => string, known: readonly string[]): string {
  const hide = (seen: string) => redactSecrets(redactKnown(seen, known))
  const plain = decoded(text)
  if (plain === text) return hide(text)
  const hidden = hide(plain)
  if (hidden === plain) return hide(text)
  return encode(hidden).replaceAll('%5Bredacted%5D', redacted)
}

function decoded(text: string): string {
  let plain = text.replaceAll('+', ' ')
  for (let round = 0; round < 5 && plain.includes('%'); round++) {
    const next = plain.replace(/(?:%[0-9a-f]{2})+/gi, run => Buffer.from(run.replaceAll('%', ''), 'hex').toString())
    if (next === plain) break
    plain = next
  }
  return plain
}
