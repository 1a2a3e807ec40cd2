import { hideInCommand } from '../redaction/command.ts'
import { decoded, escaped, hideEncoded } from '../redaction/encoded.ts'
import { redacted, redactKnown, redactSecrets } from '../redaction/redact.ts'

/**
 * A request-target fit for the log: credentials in its query, keys in its path, tokens
 * in exec's arguments and what is `known` to be secret are gone, the rest is as it was sent.
 */
export function hideInTarget(target: string, known: readonly string[]): string {
  if (everyday.test(target) && redactKnown(target, known) === target && redactSecrets(target) === target) return target
  const mark = target.indexOf('?')
  const path = hideInPath(mark === -1 ? target : target.slice(0, mark), known)
  return mark === -1 ? path : `${path}?${hideInQuery(target.slice(mark + 1), known)}`
}

/** Segments of names, with nothing escaped and no query; of what may be a secret in its place: another look. */
const everyday = /^(?!.*(?:tokens|webhooks))(?:\/[\w.-]+)+$/i

function hideInPath(path: string, known: readonly string[]): string {
  return hideEncoded(path, encodeURI, known)
    // `oc logout` deletes the token by its own name; an absolute-form target may hold a password.
    .replace(/(oauth(?:access|authorize)tokens\/)[^/?]+/gi, `$1${redacted}`)
    // OpenShift's build webhooks have their secret behind `webhooks`.
    .replace(/(buildconfigs\/[^/?]+\/webhooks\/)[^/?]+/gi, `$1${redacted}`)
    .replace(/^([a-z]{1,20}:\/\/)[^/@]*@/i, `$1${redacted}@`)
}

const secretParameter = new RegExp('^(?:[a-z_-]{0,30}token|passw(?:or)?d|passphrase|pwd|pass|pw|[a-z_-]{0,30}secret|(?:x-)?api[_-]?key|key|'
  + 'authorization|credentials?|code|assertion|client_assertion|sig|signature)$', 'i')

/** Parts are found from separator to separator, so that a long query costs linear time; `;` separated once, too. */
const parts = /(^|[&;])([^&;=]*)(=?)([^&;]*)/g

function hideInQuery(query: string, known: readonly string[]): string {
  // Of a command every argument is looked at with those before it.
  const words = [...query.matchAll(parts)].filter(([, , name = '']) => name === 'command' || decoded(name) === 'command').map(([, , , , value = '']) => decoded(value, 1))
  const hidden = hideInCommand(words, known)
  let word = 0
  return query.replace(parts, (_whole, separator: string, name: string, equals: string, value: string) => {
    const plainName = decoded(name)
    const before = `${separator}${hideEncoded(name, encodeURIComponent, known)}${equals}`
    if (plainName === 'command') {
      const [plain, clean = ''] = [words[word], hidden[word]]
      word += 1
      return before + (clean === plain ? value : plain === value ? clean : escaped(clean, encodeURIComponent))
    }
    const secret = value !== '' && secretParameter.test(plainName)
    return before + (secret ? redacted : hideEncoded(value, encodeURIComponent, known))
  })
}
