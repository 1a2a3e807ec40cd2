/** A word of a command line: what the shell makes of it, and where it stands. */
export interface ShellWord {
  readonly value: string
  readonly start: number
  readonly end: number
}

// A word's pieces: quoted either way, escaped, or plain. A quote without its end goes to the end of the text.
const piece = /'([^']*)(?:'|$)|"((?:[^"\\]|\\[^])*)(?:"|\\?$)|\\([^])|([^\s'"\\;|&()<>]+)|\\$/y
const separator = /[;|&()\n<>]/

/**
 * The simple commands of a script, each as its words: as far as a shell's grammar has to be known to
 * see what is an argument of what (no expansion, no here-documents). Linear in the text.
 */
export function shellCommands(script: string): ShellWord[][] {
  const commands: ShellWord[][] = [[]]
  for (let at = 0; at < script.length;) {
    const character = script[at] ?? ''
    if (separator.test(character)) {
      // A redirection's target is no argument, but what stands behind it is one of the same command.
      if (!/[<>]/.test(character)) commands.push([])
      at += 1
    } else if (/\s/.test(character)) {
      at += 1
    } else {
      const word = wordAt(script, at)
      commands.at(-1)?.push(word)
      at = word.end
    }
  }
  return commands
}

function wordAt(script: string, start: number): ShellWord {
  let value = ''
  let end = start
  for (;;) {
    piece.lastIndex = end
    const match = piece.exec(script)
    if (match === null || match[0] === '') break
    const [whole, single, double, escaped, plain] = match
    value += single ?? double?.replace(/\\([\\"$`])/g, '$1') ?? escaped ?? plain ?? ''
    end += whole.length
  }
  return { value, start, end: Math.max(end, start + 1) }
}

const plainWord = /^[\w@%+=:,./-]+$/

/** A word as a person would type it: quoted where a shell would make something else of it. */
export function shellQuoted(word: string): string {
  // What was taken out is to be read, not to be pasted.
  if (plainWord.test(word.replaceAll('[redacted]', 'x'))) return word
  return `'${word.replaceAll('\'', '\'\\\'\'')}'`
}
