import { errors } from 'undici'
import { isToken, lowerCase } from '../../headers/by-name.ts'

/** The head of an answer, as it came. */
export interface AnswerHead {
  readonly status: number
  readonly message: string
  /** Name, value, name, value …; latin1, so that every byte is kept (RFC 9110 §5.5). */
  readonly headers: readonly string[]
  readonly framing: Framing
  /** Whether the connection may carry another request, and for how many milliseconds, where it says so. */
  readonly reusable: boolean
  readonly keepFor: number | undefined
}

/** How the end of the body shows: bytes to come, chunks, or the end of the connection (RFC 9112 §6.3). */
export type Framing = number | 'chunked' | 'until-close'

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: (.*))?$/
/** Alone, they are read as a line's end by some and not by others; of other control characters only a tab may be there (RFC 9110 §5.5). */
const stray = /\r(?!\n)|(?<!\r)\n|[\0-\x08\v\f\x0e-\x1f\x7f]/

/**
 * Reads all up to the empty line, which is not part of `text`. Strict: what two readers could take for
 * different answers is an error (RFC 9112 §11.2). `method` is the request's. Throws undici's HTTPParserError.
 */
export function readHead(text: string, method: string): AnswerHead {
  if (stray.test(text)) throw unreadable('a stray line break or control character in the head')
  const lines = text.split('\r\n')
  const [, minor, digits, message = ''] = statusLine.exec(lines[0] ?? '') ?? []
  if (digits === undefined) throw unreadable('no status line')
  const headers: string[] = []
  const told: Told = { length: undefined, encoding: undefined, close: minor === '0', keepFor: undefined }
  for (let i = 1; i < lines.length; i += 1) {
    const line = lines[i] ?? ''
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(0, colon))
    // A line that goes on from the one before has no name (obs-fold).
    if (!isToken(name)) throw unreadable('a header without a name')
    const value = trimmed(line, colon + 1)
    headers.push(name, value)
    notice(told, lowerCase(name), value)
  }
  const status = Number(digits)
  if (minor === '0' && told.encoding !== undefined) throw unreadable('a Transfer-Encoding in HTTP/1.0')
  const framing = framingOf(told, status, method)
  return { status, message, headers, framing, reusable: !told.close && framing !== 'until-close', keepFor: told.keepFor }
}

/** What a head says of its connection and its body. */
interface Told {
  length: string | undefined
  encoding: string | undefined
  close: boolean
  keepFor: number | undefined
}

function notice(told: Told, lowerName: string, value: string): void {
  switch (lowerName) {
    case 'connection': return noticeConnection(told, value)
    case 'keep-alive':
      told.keepFor = keepAliveOf(value)
      return
    case 'content-length':
      if (told.length !== undefined || !/^\d{1,15}$/.test(value)) throw unreadable('a Content-Length that is none, or a second one')
      told.length = value
      return
    case 'transfer-encoding':
      if (told.encoding !== undefined) throw unreadable('a second Transfer-Encoding')
      told.encoding = value.toLowerCase()
      return
  }
}

function noticeConnection(told: Told, value: string): void {
  const options = value.toLowerCase()
  if (/(?:^|[,\s])close(?:$|[,\s])/.test(options)) told.close = true
}

/** Milliseconds. */
function keepAliveOf(value: string): number | undefined {
  const seconds = /(?:^|[,\s])timeout=(\d{1,9})/i.exec(value)?.[1]
  return seconds === undefined ? undefined : Number(seconds) * 1000
}

function framingOf({ length, encoding }: Told, status: number, method: string): Framing {
  if (encoding !== undefined && encoding !== 'chunked') throw unreadable('a Transfer-Encoding that is not chunked')
  if (encoding !== undefined && length !== undefined) throw unreadable('both Content-Length and Transfer-Encoding')
  // Whoever stands between us and a caller might wait for it (RFC 9110 §8.6).
  if (status === 204 && Number(length ?? 0) > 0) throw unreadable('a Content-Length of an answer that has no content')
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return 0
  if (encoding !== undefined) return 'chunked'
  return length === undefined ? 'until-close' : Number(length)
}

/** Without the spaces and tabs around it. */
function trimmed(line: string, from: number): string {
  let [start, end] = [from, line.length]
  while (start < end && isBlank(line.charCodeAt(start))) start += 1
  while (end > start && isBlank(line.charCodeAt(end - 1))) end -= 1
  return line.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

/** Of a line of trailers. */
export function isField(line: string): boolean {
  return !stray.test(line) && isToken(line.slice(0, Math.max(0, line.indexOf(':'))))
}

export function unreadable(what: string): Error {
  return new errors.HTTPParserError(`the answer holds ${what}`)
}
