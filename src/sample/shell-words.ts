/** A simple command of a script: its words, where its output goes, and when it runs. */
export interface Step {
  readonly words: readonly string[]
  readonly when: 'always' | 'success' | 'failure'
  readonly toStderr: boolean
}

const operators = /^(&&|\|\||;|\n|[12]?>&[12])/

/** Splits a script into steps; `expand` gives the value of a variable. Throws SyntaxError on what the sample's shell lacks. */
export function readScript(script: string): Step[] {
  const steps: Step[] = []
  let words: string[] = []
  let when: Step['when'] = 'always'
  let toStderr = false
  let rest = script
  const finish = (next: Step['when']) => {
    if (words.length > 0) steps.push({ words, when, toStderr })
    words = []
    toStderr = false
    when = next
  }
  while ((rest = rest.replace(/^[ \t\r]+/, '')) !== '') {
    const [operator] = operators.exec(rest) ?? []
    if (operator === undefined) {
      const word = readWord(rest)
      words.push(word)
      rest = rest.slice(word.length)
      continue
    }
    rest = rest.slice(operator.length)
    if (operator.includes('>')) toStderr = operator.endsWith('2')
    else finish(operator === '&&' ? 'success' : operator === '||' ? 'failure' : 'always')
  }
  finish('always')
  return steps
}

/** The next word as it is written, quotes and all. */
function readWord(rest: string): string {
  const [word = ''] = /^(?:'[^']*'|"(?:\\[^]|[^"\\])*"|\\[^]|[^\s'"\\;&|<>()`])+/.exec(rest) ?? []
  if (word === '') throw new SyntaxError(`unexpected ${rest.slice(0, 1)}: this shell knows commands joined by ; && || and no more`)
  return word
}

/** What a word means: quotes removed, variables replaced outside single quotes. */
export function expand(word: string, variable: (name: string) => string): string {
  const replaced = (text: string) => text
    .replace(/\\([^])|\$(?:\{(\w+|\?)\}|(\w+|\?))/g, (whole, escaped?: string, braced?: string, bare?: string) =>
      (escaped === undefined ? variable(braced ?? bare ?? '') : '$`"\\\n'.includes(escaped) ? escaped : whole))
  return word.replace(/'([^']*)'|"((?:\\[^]|[^"\\])*)"|((?:\\[^]|[^'"\\])+)/g, (_, single?: string, double?: string, bare?: string) => {
    if (single !== undefined) return single
    if (double !== undefined) return replaced(double)
    return (bare ?? '').replace(/\\([^])|([^\\]+)/g, (_part, escaped?: string, text?: string) => escaped ?? replaced(text ?? ''))
  })
}
