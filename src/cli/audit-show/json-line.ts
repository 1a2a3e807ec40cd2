/** What is invisible, turns the direction of writing, or moves a cursor, as src/authorize/quoted.ts has it. */
const unprintable = /[\p{C}\p{Zl}\p{Zp}]/gu

/** A line of the log, byte for byte, with its newline. */
export function unchanged(line: Buffer): Buffer {
  return Buffer.concat([line, Buffer.from('\n')])
}

/** A line for a terminal: the same JSON, in which what a terminal would obey is written as an escape. */
export function harmless(line: Buffer): string {
  return `${line.toString().replace(unprintable, escape)}\n`
}

function escape(character: string): string {
  // Between the tokens of JSON there may be tabs and carriage returns; within strings there are none.
  if (character === '\t' || character === '\r') return ' '
  return character.split('').map(unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')
}
