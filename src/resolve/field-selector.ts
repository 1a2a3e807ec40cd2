/**
 * The value that a field selector requires `metadata.name` to have (apimachinery
 * pkg/fields, ParseSelector and RequiresExactMatch); undefined where it requires none or
 * does not parse. There the terms are sorted by their bytes before the first match is taken;
 * here only the matches are compared, for nobody has shown a key yet, and there may be
 * tens of thousands of terms.
 */
export function exactName(selector: string): string | undefined {
  let first: { readonly term: string, readonly value: string } | undefined
  for (const term of splitTerms(selector)) {
    if (term === '') continue
    const parsed = parseTerm(term)
    if (parsed === undefined) return undefined
    if (!parsed.equal || parsed.field !== 'metadata.name') continue
    if (first === undefined || byBytes(term, first.term) < 0) first = { term, value: parsed.value }
  }
  return first?.value
}

/** Between commas that no backslash escapes. */
function splitTerms(selector: string): string[] {
  const terms: string[] = []
  let start = 0
  for (let i = 0; i < selector.length; i++) {
    if (selector[i] === '\\') i++
    else if (selector[i] === ',') {
      terms.push(selector.slice(start, i))
      start = i + 1
    }
  }
  terms.push(selector.slice(start))
  return terms
}

interface Term {
  readonly field: string
  readonly equal: boolean
  readonly value: string
}

/** The first operator splits; `==` and `=` mean the same. */
function parseTerm(term: string): Term | undefined {
  const [, field, operator, escaped] = /^(.*?)(!=|==|=)(.*)$/s.exec(term) ?? []
  if (field === undefined || escaped === undefined) return undefined
  const value = unescapeValue(escaped)
  return value === undefined ? undefined : { field, equal: operator !== '!=', value }
}

/** Only `\\`, `\,` and `\=` are escapes; a bare `,` or `=`, or any other escape, is a fault. */
function unescapeValue(text: string): string | undefined {
  if (!/^(?:[^\\,=]|\\[\\,=])*$/s.test(text)) return undefined
  return text.replace(/\\([\\,=])/g, '$1')
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
