/** What is invisible, turns the direction of writing or ends a line somewhere: none of it may pass for something else in a message. */
const unprintable = /[\p{C}\p{Zl}\p{Zp}]/gu
const plainWord = /^[\w/.~:@*%+=&$!-]+$/

/** A text out of a request, in quotes, on one line: as JSON, and as YAML reads it too. */
export function quoted(text: string): string {
  return printable(JSON.stringify(text))
}

/** A text of several words, without quotes: only what is unprintable is written as an escape. */
export function printable(text: string): string {
  return text.replace(unprintable, character => escape(character.codePointAt(0) ?? 0))
}

/** As `quoted`, without quotes where the text is a word that needs none. */
export function quotedWhereOdd(text: string): string {
  return plainWord.test(text) ? text : quoted(text)
}

function escape(code: number): string {
  // JSON knows pairs of \u alone, YAML \U alone; beyond the basic plane nothing is written that JSON would have to read.
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
}

/** Words that a reader of YAML, an old one too, takes for something else than a text. */
const otherwise = /^(?:true|false|null|yes|no|on|off|y|n|e-?[0-9]+)$/i

/** A text as one scalar of a YAML list in brackets; what it holds cannot end it. */
export function yamlScalar(text: string): string {
  return /^[a-z/][a-z0-9./-]*$/i.test(text) && !otherwise.test(text) ? text : quoted(text)
}
