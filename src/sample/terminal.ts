import { PassThrough } from 'node:stream'
import type { Readable } from 'node:stream'

type Write = (chunk: string | Buffer) => Promise<void>

const erase = new Set(['\x7f', '\b'])

/** As many characters as a line may have; what is typed beyond is not taken. */
const longestLine = 4096

/** Writes to a terminal: a line ends with a carriage return there. */
export function toTerminal(write: Write): Write {
  return (chunk) => write(chunk.toString().replace(/\r?\n/g, '\r\n'))
}

/**
 * As much of a terminal's line discipline as a prompt needs: what is typed is
 * echoed and handed on line by line; Ctrl-C drops the line, Ctrl-D at its
 * start ends the input.
 */
export function typed(input: Readable, echo: Write): Readable {
  const lines = new PassThrough()
  void edit(input, echo, lines).catch(() => lines.destroy())
  return lines
}

async function edit(input: Readable, echo: Write, lines: PassThrough): Promise<void> {
  let line = ''
  input.setEncoding('utf8')
  for await (const chunk of input as AsyncIterable<string>) {
    for (const character of chunk) {
      if (character === '\x04' && line === '') {
        lines.end()
        return
      }
      const { kept, shown, done } = pressed(line, character)
      await echo(shown)
      line = kept
      if (!done) continue
      lines.write(`${line}\n`)
      line = ''
    }
  }
  lines.end(line)
}

interface Pressed {
  readonly kept: string
  readonly shown: string
  readonly done: boolean
}

function pressed(line: string, character: string): Pressed {
  if (character === '\r' || character === '\n') return { kept: line, shown: '\r\n', done: true }
  if (character === '\x03') return { kept: '', shown: '^C\r\n', done: true }
  if (erase.has(character)) return { kept: line.slice(0, -1), shown: line === '' ? '' : '\b \b', done: false }
  if (character < ' ' || line.length >= longestLine) return { kept: line, shown: '', done: false }
  return { kept: line + character, shown: character, done: false }
}
