import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import type { Readable } from 'node:stream'
import type { Audit } from '../audit/audit.ts'
import { Batch } from '../batch.ts'
import { asProxyError, ProxyError } from '../errors.ts'
import { headerValue } from '../headers/read.ts'
import type { TakeTurn } from '../limits/pacer.ts'
import type { Admitted } from '../model/admitted.ts'
import type { Arrival } from '../model/arrival.ts'
import type { Exchange, Reply } from '../model/exchange.ts'
import type { Outcome, Trail } from '../model/trail.ts'
import { hasBody, Http2Head, toArrival, type RawRequest } from './arrival.ts'
import { toRefusal } from './refusal.ts'
import { Http1Reply } from './reply-http1.ts'
import { Http2Reply } from './reply-http2.ts'
import type { SourceIPs } from './source.ts'
import { createTurns } from './turns.ts'

/** Where refusals and failures are told to the operator; pino fits. */
export interface ListenLog {
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
  debug(facts: object, message: string): void
}

export interface DoorOptions {
  readonly audit: Audit
  readonly admit: (arrival: Arrival, trail: Trail) => Admitted | Promise<Admitted>
  readonly sourceIPs: SourceIPs
  readonly now: () => number
  readonly log: ListenLog
  /** Refusals that say so wait here for their turn, so that a flood of them costs little. */
  readonly takeTurn: TakeTurn
  /** `closing`: connections end after their answer. `refusing`: nothing new is taken. */
  readonly drain: { readonly closing: boolean, readonly refusing: boolean }
}

export interface RequestHandlerOptions extends DoorOptions {
  /** What happens to an admitted request: answer, cache, forward. */
  readonly onward: (admitted: Admitted, exchange: Exchange) => Promise<void>
  /** Milliseconds in which a caller must take something of an answer that has ended; default: a minute. */
  readonly patience?: number
}

export type Http1Handler = (request: IncomingMessage, response: ServerResponse) => void
/** An HTTP/2 request is answered on its stream. */
export type RequestHandler = (request: RawRequest, response: ServerResponse | ServerHttp2Stream) => void

/** Requests that wait with `Expect: 100-continue`; their body is asked for only once they are admitted. */
export const waiting = new WeakSet<object>()

/** The request under way on an HTTP/1.1 connection. */
const underWay = new WeakMap<object, Serving>()

/**
 * Requests that the parsers handed over. They take their turn when they are begun: by then node has mostly heard that the
 * answer before was written, and hardly anybody waits.
 */
const arrived = new Batch<() => void>(begin => begin(), setImmediate)

/** Takes a plain request from the parser through the door and sees that it is answered and recorded. */
export function createRequestHandler(options: RequestHandlerOptions): RequestHandler {
  const { audit, sourceIPs, now, drain, patience = 60_000 } = options
  const inTurn = createTurns()
  const closing = () => drain.closing
  return function handle(request, response) {
    if (request instanceof Http2Head) {
      // At once: without a listener a stream that its caller broke before its turn would end the process.
      request.stream.on('error', ignore)
      arrived.add(() => serveHttp2(request))
    } else {
      arrived.add(() => inTurn(request.socket, over => serveHttp1(request, response as ServerResponse).onClose(over)))
    }
  }

  function serveHttp1(request: IncomingMessage, response: ServerResponse): Reply {
    const body = hasBody(request) ? request : undefined
    const reply = new Http1Reply(request, response, { bodyless: body === undefined, closing, patience, waits: waiting.has(request) })
    underWay.set(request.socket, serve(request, body, reply))
    return reply
  }

  function serveHttp2(request: Http2Head): void {
    const { stream, expectsContinue } = request
    serve(request, hasBody(request) ? stream : undefined, new Http2Reply(stream, patience, expectsContinue))
  }

  function serve(request: RawRequest, body: Readable | undefined, reply: ListenReply): Serving {
    const arrival = toArrival(request, sourceIPs, false, now)
    const serving = new Serving({ arrival, body, reply, trail: audit.open(arrival) }, options)
    void serving.run()
    return serving
  }
}

/**
 * The parser gave up in the middle of a request's body: answers that request, where
 * it has no answer yet. False where no request is under way.
 */
export function interrupt(socket: object, error: ProxyError): boolean {
  // Its head may have come with what could not be read.
  arrived.flush()
  return underWay.get(socket)?.interrupt(error) ?? false
}

/** What only the door itself says by it. */
interface ListenReply extends Reply {
  /** Asks for a body that waits for that. */
  invite(): void
  /** HTTP/2 has no header to end a connection with: GOAWAY. What is under way on it goes on. */
  leave(): void
}

class Serving implements Exchange {
  readonly arrival: Arrival
  readonly body: Readable | undefined
  readonly reply: ListenReply
  readonly trail: Trail
  readonly #options: RequestHandlerOptions
  #refusal: Outcome['refusal']

  constructor({ arrival, body, reply, trail }: Omit<Exchange, 'invite'> & { readonly reply: ListenReply }, options: RequestHandlerOptions) {
    this.arrival = arrival
    this.body = body
    this.reply = reply
    this.trail = trail
    this.#options = options
    reply.onClose(outcome => trail.finish(this.#refusal === undefined ? outcome : { ...outcome, refusal: this.#refusal }))
  }

  invite(): void {
    this.reply.invite()
  }

  async run(): Promise<void> {
    const { arrival, body, reply, trail } = this
    const { admit, drain, onward } = this.#options
    try {
      if (drain.refusing) throw draining()
      const admission = admit(arrival, trail)
      const admitted = admission instanceof Promise ? await admission : admission
      const recorded = trail.admit()
      if (recorded !== undefined) await recorded
      if (!reply.closed && !reply.started) await onward(admitted, this)
    } catch (thrown) {
      if (body !== undefined && !reply.started) await readAway(this)
      const error = asProxyError(thrown)
      // Whoever leaves while it waits was refused all the same.
      if (!reply.closed) this.#refusal = toOutcome(error)
      const crowded = await waitForTurn(error, this.#options.takeTurn, gone => trail.onFinish(gone))
      this.#refuse(error, crowded)
    }
  }

  interrupt(error: ProxyError): boolean {
    if (this.reply.closed) return false
    this.#refuse(error)
    return true
  }

  #refuse(error: ProxyError, crowded = false): void {
    const { arrival, reply } = this
    if (reply.closed) return
    this.#refusal = toOutcome(error)
    tell(this.#options.log, arrival, error)
    if (reply.started) return reply.cut('upstream-failed')
    const refusal = toRefusal(error, arrival.auditId)
    // What made this head doubtful makes it doubtful where the next one begins.
    reply.head(refusal.status, refusal.message, refusal.headers, { last: crowded || error.code === 'MalformedHeader' })
    reply.end(refusal.body)
    if (crowded) reply.leave()
  }
}

function toOutcome({ code, message, reason }: ProxyError): Outcome['refusal'] {
  return { code, message, reason }
}

/** True where so many wait already that the connection should end with this answer. */
export async function waitForTurn({ pacedAs }: ProxyError, takeTurn: TakeTurn, onGone: (listener: () => void) => void): Promise<boolean> {
  const turn = pacedAs === undefined ? undefined : takeTurn(pacedAs, onGone)
  if (turn === 'crowded') return true
  await turn
  return false
}

/** As Go's net/http: a body this small is read away, so that a refusal does not cost the connection. */
const smallBody = 256 * 1024
const readAwayMs = 500

function readAway({ arrival, body }: Exchange): Promise<void> {
  const length = Number(headerValue(arrival.rawHeaders, 'content-length') ?? Infinity)
  const isInvited = headerValue(arrival.rawHeaders, 'expect') === undefined
  if (body === undefined || body.destroyed || body.readableEnded || length > smallBody || !isInvited) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, readAwayMs)
    const done = () => {
      clearTimeout(timer)
      resolve()
    }
    body.once('close', done).once('end', done)
    body.resume()
  })
}

export function draining(): ProxyError {
  return new ProxyError('Draining', 'this server is shutting down; connect anew', { retryAfter: 1 })
}

/** Refusals are in the audit log; the operational log has what an operator may have to mend. */
export function tell(log: ListenLog, arrival: Arrival, error: ProxyError): void {
  const facts = { auditId: arrival.auditId, code: error.code, err: error.cause ?? undefined }
  if (error.code === 'Internal') log.error(facts, 'request failed')
  // Why is said once, by the sink or the recording that cannot write.
  else if (error.code === 'AuditUnavailable') log.warn({ auditId: arrival.auditId, code: error.code }, 'request refused: it could not be recorded')
  else if (error.status >= 500) log.warn(facts, 'request failed upstream')
  else log.debug(facts, 'request refused')
}

/** Told of the close that follows. */
function ignore(): void {}
