import { errors, request, type Dispatcher } from 'undici'
import type { Presented } from '../../credentials/credential.ts'
import { isStaleSocket } from '../../upstream-errors.ts'
import { LineQueue, lineQueueDefaults, type LineQueueOptions } from './line-queue.ts'
import { IncompleteWrite, NotBefore, Undeliverable, type LineWriter, linesIn } from './line-writer.ts'
import { createThrottle, type ThrottleOptions } from './throttle.ts'
import type { Sink } from './sink.ts'
import { adviceFor, readRetryAfter } from './webhook-answer.ts'

/** Who takes the events, and how we prove ourselves to them. */
export interface Collector {
  /** Without what stands behind the host, for messages. */
  readonly origin: string
  /** Where they are posted. */
  readonly path: string
  /** What to present now. Throws where there is no credential to be had. */
  present(): Presented
  /** After a 401: true when there is another one than `rejected`. Never rejects. */
  renew(rejected: Presented): Promise<boolean>
  /** Connections under that certificate, over verified TLS. Redirects are not followed by them. */
  dispatcher(presented: Presented): Dispatcher
  /** Cuts what is under way. */
  close(): Promise<void>
}

export interface WebhookSinkOptions extends LineQueueOptions {
  readonly collector: Collector
  /** Milliseconds for a POST and its answer. */
  readonly timeout: number
  /** Undefined: every batch as soon as the one before it is answered. */
  readonly throttle?: ThrottleOptions | undefined
  /** Milliseconds that its `Retry-After` may make our events wait at most. */
  readonly longestWait?: number
}

/**
 * Events to an HTTP endpoint, as the API server's audit webhook backend posts them
 * (k8s.io/apiserver plugin/pkg/audit/webhook): `EventList`s of audit.k8s.io/v1, in order,
 * one POST at a time. What was not answered well is posted again, so that an event may
 * arrive twice: `auditID` and `stage` tell it.
 */
export function createWebhookSink({ collector, timeout, throttle, longestWait = 600_000, ...queue }: WebhookSinkOptions): Sink {
  const { now = lineQueueDefaults.now } = queue
  const turn = throttle === undefined ? undefined : createThrottle(throttle)
  return new WebhookSink(new WebhookWriter({ collector, timeout, turn, now, longestWait }), collector, { maxHeld, maxBatch, ...queue })
}

/** Characters: the events held at most, beside their number, and of one POST (the API server's `--audit-webhook-truncate-max-batch-size`). */
const maxHeld = 64 * 1024 * 1024
const maxBatch = 10 * 1024 * 1024

class WebhookSink extends LineQueue {
  readonly #collector: Collector

  constructor(writer: LineWriter, collector: Collector, options: LineQueueOptions) {
    super('webhook', writer, options)
    this.#collector = collector
  }

  override async close(): Promise<void> {
    await super.close()
    // A POST that nobody answers would hold the process for as long as it may take.
    await this.#collector.close()
  }
}

interface WriterOptions {
  readonly collector: Collector
  readonly timeout: number
  readonly turn: LineWriter['turn']
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly longestWait: number
}

/** As often the API server posts a batch before it drops it, whatever the error (pkg/util/webhook, DefaultRetryBackoffWithInitialDelay). */
const attempts = 5

class WebhookWriter implements LineWriter {
  readonly turn: LineWriter['turn']
  readonly #options: WriterOptions
  /** How often the lines that are the first now were refused, and how many they were the first time: others have joined them since. */
  #refusals = 0
  #refused = 0

  constructor(options: WriterOptions) {
    this.#options = options
    this.turn = options.turn
  }

  write(chunk: Buffer): Promise<void> {
    return this.#post(chunk)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  async #post(chunk: Buffer): Promise<void> {
    const { status, retryAfter } = await this.#send(toEventList(chunk))
    if (status >= 200 && status < 300) {
      this.#refusals = 0
      return
    }
    const middle = isFaultOfEvents(status) ? middleOf(chunk) : undefined
    if (middle !== undefined) return this.#postHalves(chunk, middle)
    throw this.#failureOf(status, { lines: linesIn(chunk), bytes: chunk.length, retryAfter })
  }

  /** What is not taken at once may be taken in parts, but for the event whose fault it is. */
  async #postHalves(chunk: Buffer, middle: number): Promise<void> {
    await this.#post(chunk.subarray(0, middle))
    await this.#post(chunk.subarray(middle)).catch((error: Error) => {
      const [written, cause] = error instanceof IncompleteWrite ? [error.written, error.cause] : [0, error]
      throw new IncompleteWrite(middle + written, { cause })
    })
  }

  #failureOf(status: number, { lines, bytes, retryAfter }: { readonly lines: number, readonly bytes: number, readonly retryAfter: number | undefined }): Error {
    const message = `the audit webhook ${this.#options.collector.origin} answered ${status}: ${adviceFor(status, bytes)}`
    if (status >= 500 || status === 429 || status === 408) {
      return retryAfter === undefined ? new Error(message) : new NotBefore(Math.min(retryAfter, this.#options.longestWait), message)
    }
    if (isFaultOfEvents(status)) {
      // Posted again it would be answered the same.
      this.#refusals = 0
      return new Undeliverable(lines, `${message}; an event is lost there`, { faultOfLines: true })
    }
    this.#refused = this.#refusals === 0 ? lines : Math.min(this.#refused, lines)
    this.#refusals += 1
    if (this.#refusals < attempts) return new Error(message)
    this.#refusals = 0
    const lost = this.#refused
    return new Undeliverable(lost, `${message}; ${lost === 1 ? 'an event is' : `${lost} events are`} lost there`)
  }

  async #send(body: Buffer): Promise<Answered> {
    const { collector, timeout } = this.#options
    const signal = AbortSignal.timeout(timeout)
    try {
      const presented = collector.present()
      const answered = await this.#exchange([presented, body, signal])
      if (answered.status !== 401 || !await collector.renew(presented)) return answered
      return await this.#exchange([collector.present(), body, signal])
    } catch (cause) {
      const what = signal.aborted ? `did not answer within ${timeout / 1000} s` : 'cannot be reached, or closed the connection'
      throw new Error(`the audit webhook ${collector.origin} ${what}`, { cause })
    }
  }

  /** A connection that had answered before may have been closed just as it was used again: nobody is to wait for a pause then. There may be more than one. */
  #exchange(exchange: readonly [Presented, Buffer, AbortSignal], again = 3): Promise<Answered> {
    return this.#once(...exchange).catch((error: unknown) => {
      if (again === 0 || (!isStaleSocket(error) && !(error instanceof errors.SocketError))) throw error
      return this.#exchange(exchange, again - 1)
    })
  }

  async #once(presented: Presented, body: Buffer, signal: AbortSignal): Promise<Answered> {
    const { collector: { origin, path, dispatcher }, now } = this.#options
    const { authorization } = presented
    const { statusCode, headers, body: answer } = await request(`${origin}${path}`, {
      dispatcher: dispatcher(presented), method: 'POST', body, signal,
      headers: {
        'content-type': 'application/json', 'accept': 'application/json', 'user-agent': 'portcullis',
        ...authorization === undefined ? {} : { authorization },
      },
    })
    // Nobody reads it: it may repeat what we sent.
    answer.dump({ limit: 65_536, signal }).catch(() => {})
    return { status: statusCode, retryAfter: readRetryAfter(headers['retry-after'], now()) }
  }
}

/** Of the 4xx these are about us, the path, or the moment. */
const notOfEvents: readonly number[] = [401, 403, 404, 405, 407, 408, 429]

function isFaultOfEvents(status: number): boolean {
  return status >= 400 && status < 500 && !notOfEvents.includes(status)
}

interface Answered {
  readonly status: number
  /** Milliseconds. */
  readonly retryAfter: number | undefined
}

const begin = Buffer.from('{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[')
const end = Buffer.from(']}')

/** Lines are JSON objects, in which no line break stands. */
function toEventList(chunk: Buffer): Buffer {
  const list = Buffer.concat([begin, chunk.subarray(0, -1), end])
  for (let at = list.indexOf(10); at >= 0; at = list.indexOf(10, at)) list[at] = 0x2c
  return list
}

/** Where the line in the middle ends; undefined for a single line. */
function middleOf(chunk: Buffer): number | undefined {
  const half = chunk.lastIndexOf(10, Math.floor(chunk.length / 2))
  const middle = (half >= 0 ? half : chunk.indexOf(10)) + 1
  return middle === chunk.length ? undefined : middle
}
