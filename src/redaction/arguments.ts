import { ProgramOptions, type Hidden, type PasswordOption } from './password-options.ts'
import { redacted, redactSecrets } from './redact.ts'
import { secretName } from './secret-names.ts'
import { shellCommands, shellQuoted } from './shell-words.ts'

const secretFlag = new RegExp(`^--?[\\w-]{0,60}(?:${secretName}|-pwd|-pass)$|^--(?:pwd|pass)$`, 'i')
/** Of a flag (`--token=…`) and of a variable (`PGPASSWORD=…`, `MYSQL_PWD=…`, `AWS_SECRET_ACCESS_KEY=…`); the value is the rest of the word. */
const secretAssignment = new RegExp(`^(-{0,2}[\\w.-]{0,60}(?:${secretName}|(?:^|[_-])(?:pwd|pass|auth)))=`, 'i')
const secretHeader = /^((?:proxy-)?authorization|(?:set-)?cookie|[\w-]{0,40}(?:api-?key|token|secret|password))(\s*:\s*)(?=\S)((?:bearer|basic|token|negotiate|digest)\s+)?/i
const urlPassword = /(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@'"]{0,100}:)(?!\[redacted\])[^\s/@'"]{1,300}(?=@)/gi

/** `scheme://user:password@host`, wherever it stands in a text. */
export function hideUrlPasswords(text: string): string {
  // Looked for in every target that is written, where there is mostly none.
  return text.includes('://') ? text.replace(urlPassword, `$1${redacted}`) : text
}

/** Scripts within scripts that are looked into: `sh -c "su -c '…'"`. */
const deepest = 3

/**
 * The arguments of a command without the secrets that their form tells: values of options and
 * variables whose names say so (in the same word, or in the next), what programs take as a password,
 * headers, URLs, and the same within a script that is one of them. As many as came, in order; one
 * that holds nothing of the kind stays as it is. What comes out passes unchanged when it comes again.
 */
export function hideInArguments(words: readonly string[]): string[] {
  return hideInWords(words, 0)
}

function hideInWords(words: readonly string[], depth: number): string[] {
  const program = new ProgramOptions()
  let next: Hidden | undefined
  let scripted = false
  return words.map((word) => {
    const due = next
    next = undefined
    if (due !== undefined && word !== '') return hidden(word, due)
    const attached = program.options.flatMap(each => hideAttached(word, each) ?? [])[0]
    if (attached !== undefined) return attached
    next = awaited(word, program.options)
    program.follow(word)
    const clean = hideInWord(word, depth, scripted)
    scripted ||= /^(?:-[a-z]{0,6}c|eval)$/i.test(word)
    return clean
  })
}

/** What the next word is, where this one says it. */
function awaited(word: string, options: readonly PasswordOption[]): Hidden | undefined {
  if (secretFlag.test(word)) return 'all'
  const option = options.find(each => each.attached !== 'must' && (word === each.option || endsCluster(word, each.option)))
  return option?.hides
}

/** `curl -su user:password`: short options may stand together, the one with a value last. */
function endsCluster(word: string, option: string): boolean {
  return option.length === 2 && word.length > 2 && word.length < 8 && /^-[a-zA-Z]+$/.test(word) && word.endsWith(option.slice(1))
}

function hideAttached(word: string, { option, attached, hides }: PasswordOption): string | undefined {
  const long = option.startsWith('--')
  if (long && word.startsWith(`${option}=`)) return `${option}=${hidden(word.slice(option.length + 1), hides)}`
  if (long || attached === 'never' || !word.startsWith(option) || word.length === option.length) return undefined
  const value = word.slice(option.length)
  // Without its sign it is a cluster of options (`curl -uv`), not a user and a password.
  return hides === 'all' || value.includes(sign(hides)) ? `${option}${hidden(value, hides)}` : undefined
}

function sign(hides: Exclude<Hidden, 'all'>): string {
  return { 'after-colon': ':', 'after-percent': '%', 'after-equals': '=' }[hides]
}

function hidden(value: string, hides: Hidden): string {
  if (hides === 'all') return redacted
  const at = value.indexOf(sign(hides))
  return at === -1 || at === value.length - 1 ? value : `${value.slice(0, at + 1)}${redacted}`
}

/** `scripted`: the word is one that a shell reads. What begins like a variable or a header then ends before the word does. */
function hideInWord(word: string, depth: number, scripted: boolean): string {
  if (!scripted || !isScript(word)) {
    const [named] = secretAssignment.exec(word) ?? secretHeader.exec(word) ?? []
    if (named !== undefined && named.length < word.length) return `${named}${redacted}`
  }
  const clean = hideUrlPasswords(redactSecrets(word))
  return depth < deepest && isScript(clean) ? hideInScript(clean, depth + 1) : clean
}

function isScript(word: string): boolean {
  return /\s/.test(word)
}

/** In its place, so that the rest of the script stays as it was written. */
function hideInScript(script: string, depth: number): string {
  let clean = ''
  let at = 0
  for (const words of shellCommands(script)) {
    const values = words.map(({ value }) => value)
    const hiddenValues = hideInWords(values, depth)
    for (const [index, { start, end }] of words.entries()) {
      const value = hiddenValues[index] ?? ''
      if (value === values[index]) continue
      clean += script.slice(at, start) + requoted(script.slice(start, end), value)
      at = end
    }
  }
  return clean + script.slice(at)
}

/** In the quotes in which it stood, where it stood in one pair of them. */
function requoted(raw: string, value: string): string {
  const [quote] = raw
  const bare = raw.slice(1, -1)
  if (quote === '"' && raw.endsWith('"') && !/["\\]/.test(bare) && !/["\\$`]/.test(value)) return `"${value}"`
  return shellQuoted(value)
}
