import { Transform, type Readable, type TransformCallback } from 'node:stream'
import { ProxyError } from '../errors.ts'

export interface BodyLimits {
  /** Bytes; undefined: no limit (long-running). */
  readonly maxSize: number | undefined
  /** Milliseconds until the last byte must be here; undefined: no limit (long-running). */
  readonly timeout: number | undefined
  /** Told of each piece on its way. */
  readonly copy?: ((chunk: Uint8Array) => void) | undefined
}

/**
 * The caller's body on its way up: counted, timed, with back-pressure. It is a stream
 * of its own because a sender destroys what it is given, and that must not be the
 * caller's socket, which still has to carry the answer.
 */
export class GuardedBody extends Transform {
  /** True once the caller's last byte has passed. */
  complete = false
  #size = 0
  readonly #limits: BodyLimits
  readonly #timer: NodeJS.Timeout | undefined

  constructor(source: Readable, limits: BodyLimits) {
    super()
    this.#limits = limits
    if (limits.timeout !== undefined) {
      this.#timer = setTimeout(() => this.destroy(tooSlow()), limits.timeout)
    }
    // It may break off while nobody sends it yet: who does looks at `errored`.
    this.on('error', () => {})
    source.on('error', error => this.destroy(error))
    // An aborted request closes without an end; no last chunk must be sent for it.
    source.on('close', () => { if (!source.readableEnded) this.destroy(new Error('the caller left in mid-body')) })
    source.pipe(this)
  }

  /** Those that have come so far. */
  get bytes(): number {
    return this.#size
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#size += chunk.length
    if (this.#limits.maxSize !== undefined && this.#size > this.#limits.maxSize) {
      done(tooLarge(this.#limits.maxSize))
      return
    }
    this.#limits.copy?.(chunk)
    done(null, chunk)
  }

  override _flush(done: TransformCallback): void {
    this.complete = true
    clearTimeout(this.#timer)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#timer)
    done(error)
  }
}

export function tooLarge(limit: number): ProxyError {
  return new ProxyError('BodyTooLarge', `the request body is larger than ${limit} bytes`)
}

function tooSlow(): ProxyError {
  return new ProxyError('RequestTimeout', 'the request body did not arrive in time')
}
