import { isToken } from './by-name.ts'

/**
 * The head of an answer for a raw socket, where no HTTP server is left to write it.
 * Throws TypeError on whatever could begin another line or end the head early
 * (RFC 9112 §11.1): such a header must be dropped or refused before it comes here.
 */
export function rawHead(status: number, message: string, headers: readonly string[]): Buffer {
  if (!Number.isInteger(status) || status < 100 || status > 999) throw new TypeError(`no HTTP status: ${status}`)
  const lines = [`HTTP/1.1 ${status} ${text(message)}`]
  for (let i = 0; i < headers.length; i += 2) {
    lines.push(`${token(headers[i] ?? '')}: ${text(headers[i + 1] ?? '')}`)
  }
  // latin1 keeps every byte of a value as it was received (RFC 9110 §5.5, obs-text).
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

/** The head of a request, likewise. */
export function rawRequestHead(method: string, target: string, headers: readonly string[]): string {
  if (!/^[\x21-\xff]+$/.test(target)) throw new TypeError('a request-target holds a space or what is no single byte')
  let head = `${token(method)} ${target} HTTP/1.1\r\n`
  for (let i = 0; i < headers.length; i += 2) head += `${token(headers[i] ?? '')}: ${text(headers[i + 1] ?? '')}\r\n`
  return `${head}\r\n`
}

function token(name: string): string {
  if (!isToken(name)) throw new TypeError('a header name is not a token')
  return name
}

function text(value: string): string {
  if (/[\r\n\0]|[^\0-\xff]/.test(value)) throw new TypeError('a header value holds a line break, NUL or no single bytes')
  return value
}
