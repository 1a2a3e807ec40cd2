/** A message's head exactly as it stood on the wire. */
export interface Head {
  readonly startLine: string
  /** Name, value, name, value …, in order and case. */
  readonly headers: readonly string[]
  readonly raw: Buffer
}

export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length', readonly size: number }
  | { readonly kind: 'chunked' }
  /** Until the connection closes: an answer without a length, or a tunnel after a 101. */
  | { readonly kind: 'rest' }

export interface MessageEvents {
  /** Says how the body is framed. Throws a WireFault to refuse the message. */
  head(head: Head): Framing
  body(bytes: Buffer): void
  /** `complete` is false where a `rest` body ended with the connection, which proves nothing. */
  end(complete: boolean, trailers: readonly string[]): void
  fault(fault: WireFault): void
}

/** Bytes that are no unambiguous HTTP/1.1. The reader stops there. */
export class WireFault extends Error {
  override readonly name = 'WireFault'
}

type State = 'head' | 'length' | 'chunk-size' | 'chunk' | 'trailers' | 'rest' | 'broken'

/**
 * Reads HTTP/1.1 messages from bytes, with no leniency at all: RFC 9112's grammar
 * and nothing else. It is apart from Node's parser, so that neither excuses the other.
 */
export class MessageReader {
  readonly #events: MessageEvents
  #state: State = 'head'
  #held: Buffer = Buffer.alloc(0)
  #left = 0

  constructor(events: MessageEvents) {
    this.#events = events
  }

  /** True between two messages, with nothing held back. */
  get idle(): boolean {
    return this.#state === 'head' && this.#held.length === 0
  }

  push(bytes: Buffer): void {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes])
    try {
      while (this.#held.length > 0 && this.#step());
    } catch (thrown) {
      this.#state = 'broken'
      this.#events.fault(thrown instanceof WireFault ? thrown : new WireFault(String(thrown)))
    }
  }

  /** The connection closed for writing at the other end. */
  close(): void {
    if (this.#state === 'rest') this.#events.end(false, [])
    else if (this.#state !== 'broken' && !this.idle) this.#events.fault(new WireFault(`closed within ${this.#state}`))
    this.#state = 'broken'
  }

  /** False: more bytes are needed. */
  #step(): boolean {
    switch (this.#state) {
      case 'head': return this.#readHead()
      case 'chunk-size': return this.#readChunkSize()
      case 'trailers': return this.#readTrailers()
      case 'length': case 'chunk': return this.#readCounted()
      case 'rest': this.#events.body(this.#take(this.#held.length)); return true
      case 'broken': this.#held = Buffer.alloc(0); return false
    }
  }

  #readHead(): boolean {
    const end = this.#held.indexOf('\r\n\r\n')
    if (end === -1) return this.#wait(1 << 20)
    const raw = this.#take(end + 4)
    const [startLine = '', ...lines] = linesOf(raw.subarray(0, end))
    const framing = this.#events.head({ startLine, headers: lines.flatMap(fieldOf), raw })
    this.#left = framing.kind === 'length' ? framing.size : 0
    if (framing.kind === 'none' || (framing.kind === 'length' && framing.size === 0)) this.#end([])
    else this.#state = framing.kind === 'chunked' ? 'chunk-size' : framing.kind
    return true
  }

  #readChunkSize(): boolean {
    const end = this.#held.indexOf('\r\n')
    if (end === -1) return this.#wait(64)
    const line = this.#take(end + 2).subarray(0, end).toString('latin1')
    if (!/^[0-9a-fA-F]{1,12}$/.test(line)) throw new WireFault(`chunk size ${JSON.stringify(line)}`)
    this.#left = parseInt(line, 16)
    this.#state = this.#left === 0 ? 'trailers' : 'chunk'
    return true
  }

  #readCounted(): boolean {
    if (this.#left > 0) {
      const bytes = this.#take(Math.min(this.#left, this.#held.length))
      this.#left -= bytes.length
      this.#events.body(bytes)
    }
    if (this.#left > 0) return true
    if (this.#state === 'length') {
      this.#end([])
      return true
    }
    if (this.#held.length < 2) return false
    if (this.#take(2).toString('latin1') !== '\r\n') throw new WireFault('no line end after a chunk')
    this.#state = 'chunk-size'
    return true
  }

  #readTrailers(): boolean {
    const whole = this.#held.subarray(0, 2).toString('latin1') === '\r\n' ? 0 : this.#held.indexOf('\r\n\r\n')
    if (whole === -1) return this.#wait(1 << 16)
    const raw = this.#take(whole === 0 ? 2 : whole + 4)
    this.#end(whole === 0 ? [] : linesOf(raw.subarray(0, whole)).flatMap(fieldOf))
    return true
  }

  #end(trailers: readonly string[]): void {
    this.#state = 'head'
    this.#events.end(true, trailers)
  }

  #wait(limit: number): false {
    if (this.#held.length > limit) throw new WireFault(`${this.#state} of more than ${limit} bytes`)
    return false
  }

  #take(count: number): Buffer {
    const bytes = this.#held.subarray(0, count)
    this.#held = this.#held.subarray(count)
    return bytes
  }
}

function linesOf(raw: Buffer): string[] {
  const lines = raw.toString('latin1').split('\r\n')
  const odd = lines.find((line) => /[\r\n\0]/.test(line))
  if (odd !== undefined) throw new WireFault(`bare CR, LF or NUL in ${JSON.stringify(odd)}`)
  return lines
}

/** RFC 9112, 5.1 and 5.2: no space before the colon, no folded lines. */
function fieldOf(line: string): [string, string] {
  const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line)
  if (match === null) throw new WireFault(`header line ${JSON.stringify(line)}`)
  return [match[1] ?? '', match[2] ?? '']
}

/** Every value of a header in flat headers, by any case. */
export function valuesOf(headers: readonly string[], name: string): string[] {
  return headers.filter((_, at) => at % 2 === 1 && headers[at - 1]?.toLowerCase() === name.toLowerCase())
}

/** How the headers frame a body; undefined where they say nothing. RFC 9112, 6.3: both, or two, is an attack. */
export function declaredFraming(headers: readonly string[]): Framing | undefined {
  const lengths = valuesOf(headers, 'content-length')
  const codings = valuesOf(headers, 'transfer-encoding')
  if (lengths.length + codings.length > 1) throw new WireFault(`framed ${lengths.length} times by length, ${codings.length} by coding`)
  if (codings.length === 1) {
    if (codings[0]?.toLowerCase() !== 'chunked') throw new WireFault(`transfer-encoding ${codings[0]}`)
    return { kind: 'chunked' }
  }
  if (lengths[0] === undefined) return undefined
  if (!/^[0-9]{1,15}$/.test(lengths[0])) throw new WireFault(`content-length ${lengths[0]}`)
  return { kind: 'length', size: Number(lengths[0]) }
}
