import { constants, inflateRawSync } from 'node:zlib'

/** A secret that came out where none may. `form` says how it was written; the secret itself is not told. */
export interface Leak {
  readonly form: string
  /** Which of the secrets, by its length and its first letters: enough to find the line of the test, too little to use. */
  readonly secret: string
}

interface Needle extends Leak {
  /** Each character one byte. */
  readonly text: string
}

/** Characters of a long secret that are looked for, at both of its ends: a cut one is found, too. */
const pieceLength = 48
/** Fewer are looked for in plain alone, and fewer than `shortest` not at all: they would be found everywhere. */
const shortestEncoded = 12
const shortest = 6
/** Of a credential that changes every second, the last. */
const mostLearned = 20

/** An API key, whoever's: no secret of ours, and none to be written either. */
const wholeKey = 'pcl_[0-9A-Za-z]{8}_[0-9A-Za-z]{43,}'
/** What stands between two chunks of an HTTP/1.1 body (RFC 9112 §7.1). */
const chunkBorder = /\r\n[0-9a-f]{1,8}(?:;[^\r\n]{0,100})?\r\n/gi

/** How a gzip stream without further fields begins (RFC 1952 §2.3), ten bytes in all: what API servers send. */
const gzipMagic = '\x1f\x8b\x08\0'
const gzipHead = 10
/** Bytes kept of each stream that holds one, to be inflated at the end, and streams of which they are kept. */
const keptPacked = 1 << 18
const mostPacked = 100

/**
 * Looks for secrets in streams of bytes, in the encodings in which they may come out,
 * across the borders of reads and of HTTP/1.1 chunks.
 */
export class LeakScanner {
  readonly #given: readonly Needle[]
  readonly #learned = new Map<string, readonly Needle[]>()
  #needles = new Map<string, Needle>()
  readonly #tails = new WeakMap<object, string>()
  readonly #packed = new Map<object, string>()
  #pattern: RegExp | undefined
  #longest = 0

  constructor(secrets: readonly string[] = []) {
    this.#given = secrets.flatMap((secret) => needlesOf(secret.trim()))
  }

  /** One more; of those, the latest are known. */
  learn(secret: string): void {
    if (this.#learned.has(secret)) return
    const [oldest] = this.#learned.keys()
    if (this.#learned.size >= mostLearned && oldest !== undefined) this.#learned.delete(oldest)
    this.#learned.set(secret, needlesOf(secret.trim()))
    this.#pattern = undefined
  }

  /** The next bytes of a stream, which is known by an object of its own. */
  scan(stream: object, chunk: Uint8Array | string): Leak[] {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const fresh = bytes.toString('latin1')
    this.#keepPacked(stream, fresh)
    const text = dechunked((this.#tails.get(stream) ?? '') + fresh)
    const pattern = this.#pattern ??= this.#compile()
    const leaks: Leak[] = []
    pattern.lastIndex = 0
    let after = 0
    for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
      const { form, secret } = this.#needles.get(match[0]) ?? { form: 'plain', secret: `the API key ${match[0].slice(0, 12)}…` }
      leaks.push({ form, secret })
      after = pattern.lastIndex
    }
    this.#tails.set(stream, text.slice(Math.max(after, text.length - this.#longest)))
    return leaks
  }

  /** What was compressed, inflated: to be called when all is over. */
  finish(): Leak[] {
    const packed = [...this.#packed.values()].map(dechunked)
    this.#packed.clear()
    return packed.flatMap((text) => inflated(text)).flatMap((body) => this.scan({}, body))
  }

  #keepPacked(stream: object, fresh: string): void {
    const known = this.#packed.get(stream)
    if (known === undefined && (this.#packed.size >= mostPacked || !fresh.includes(gzipMagic))) return
    if (known === undefined || known.length < keptPacked) this.#packed.set(stream, (known ?? '') + fresh)
  }

  #compile(): RegExp {
    // Many a secret is the same in several forms: it goes by the first.
    const needles = [...this.#given, ...[...this.#learned.values()].flat()].reverse()
    this.#needles = new Map(needles.map((needle) => [needle.text, needle]))
    this.#longest = Math.max(64, ...[...this.#needles.keys()].map(({ length }) => length))
    const alternatives = [...this.#needles.keys()].map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'))
    return new RegExp([...alternatives, wholeKey].join('|'), 'g')
  }
}

function dechunked(text: string): string {
  return text.includes('\r\n') ? text.replace(chunkBorder, '') : text
}

/** Every body in a text that begins as gzip does, as far as it goes. */
function inflated(text: string): Buffer[] {
  const bodies: Buffer[] = []
  for (let at = text.indexOf(gzipMagic); at !== -1; at = text.indexOf(gzipMagic, at + 1)) {
    try {
      // Not gunzip, which fails at whatever follows.
      bodies.push(inflateRawSync(Buffer.from(text.slice(at + gzipHead), 'latin1'), { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 1 << 24 }))
    } catch {
      // It only looked like one.
    }
  }
  return bodies
}

function needlesOf(secret: string): Needle[] {
  const name = `the secret of ${secret.length} characters that begins ${secret.slice(0, 3)}…`
  const [, payload, signature] = /^eyJ[\w-]+\.([\w-]+)\.([\w-]+)$/.exec(secret) ?? []
  // Two JWTs begin alike; nobody can use one without its signature, and nobody is to read its claims.
  const pieces = payload === undefined || signature === undefined
    ? endsOf(secret)
    : [payload.slice(-pieceLength), ...signature.length < shortestEncoded ? [secret.slice(-pieceLength)] : endsOf(signature)]
  return pieces.flatMap(piece => formsOf(piece).map(([form, text]) => ({ form, text, secret: name })))
}

function endsOf(secret: string): string[] {
  return secret.length <= pieceLength ? [secret] : [secret.slice(0, pieceLength), secret.slice(-pieceLength)]
}

function formsOf(piece: string): (readonly [form: string, text: string])[] {
  const bytes = Buffer.from(piece)
  if (bytes.length < shortest) return []
  const plain = ['plain', bytes.toString('latin1')] as const
  if (bytes.length < shortestEncoded) return [plain]
  const everyByte = (before: string, digits: number, letters: 'lower' | 'upper') => [...bytes].map((byte) => {
    const hex = byte.toString(16).padStart(digits, '0')
    return before + (letters === 'upper' ? hex.toUpperCase() : hex)
  }).join('')
  const percent = encodeURIComponent(piece)
  return [
    plain,
    ['in a JSON string', Buffer.from(JSON.stringify(piece).slice(1, -1)).toString('latin1')],
    ['percent-encoded', percent],
    ['percent-encoded', percent.replace(/%../g, (escape) => escape.toLowerCase())],
    ['percent-encoded throughout', everyByte('%', 2, 'upper')],
    ['percent-encoded throughout', everyByte('%', 2, 'lower')],
    ['in hex', everyByte('', 2, 'upper')],
    ['in hex', everyByte('', 2, 'lower')],
    ['as \\u escapes', everyByte('\\u', 4, 'upper')],
    ['as \\u escapes', everyByte('\\u', 4, 'lower')],
    // Without its last zero byte it is UTF-16BE as well.
    ['in UTF-16', Buffer.from(piece, 'utf16le').toString('latin1').slice(0, -1)],
    ...base64Forms(bytes, 'base64'),
    ...base64Forms(bytes, 'base64url'),
  ]
}

/** Behind 0, 1 or 2 other bytes, less the characters that its neighbours touch. */
function base64Forms(bytes: Buffer, alphabet: 'base64' | 'base64url'): (readonly [string, string])[] {
  return [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString(alphabet).replace(/=+$/, '')
    return [`in ${alphabet}`, encoded.slice(offset === 0 ? 0 : offset + 1, (offset + bytes.length) % 3 === 0 ? undefined : -1)]
  })
}

/** What in a file or in a variable is a secret, as far as its form tells: all of it, or tokens, passwords and private keys in it. */
export function secretsIn(text: string): string[] {
  const whole = text.trim()
  if (/^[\x21-\x7e]{6,}$/.test(whole)) return [whole]
  const keys = [...text.matchAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----([\w+/=\s\\]+)-----END/g)]
    // The first line says which algorithm it is for.
    .flatMap(([, body = '']) => body.split(/\s+|\\n/).filter((line) => line.length >= shortestEncoded).slice(1))
  const tokens = [...text.matchAll(/eyJ[\w-]{8,}\.[\w-]+\.[\w-]+/g)].map(([token]) => token)
  const fields = [...text.matchAll(/(?:token|password|secret|key-data)["']?\s*[:=]\s*["']?([^\s"',}]{8,})/gi)].map(([, value = '']) => value)
  return [...keys, ...tokens, ...fields]
}
