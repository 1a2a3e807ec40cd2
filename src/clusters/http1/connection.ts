import type { Socket } from 'node:net'
import { errors, type Dispatcher } from 'undici'
import { noteStaleSocket } from '../../upstream-errors.ts'
import type { Call } from '../sender.ts'
import { AnswerParser, type AnswerReader } from './answer.ts'
import type { AnswerHead } from './head.ts'
import { Upload } from './upload.ts'

/** What a connection tells whoever keeps it. */
export interface Keeper {
  /** It may carry another request. */
  onFree(connection: Connection): void
  onGone(connection: Connection): void
  /** Milliseconds, monotonic. */
  readonly now: () => number
}

/** One connection to the API server: a request at a time. */
export class Connection implements AnswerReader {
  readonly #socket: Socket
  readonly #keeper: Keeper
  readonly #parser = new AnswerParser(this)
  #current: CallUnderWay | undefined
  /** Read and not looked at, for the handler paused at the head. */
  #rest: Buffer | undefined
  #answers = 0
  #gone = false
  /** Milliseconds that the API server said it keeps an idle connection; undefined: it did not say. */
  keepFor: number | undefined
  /** When an answer is too late, or it was idle for too long. Milliseconds; Infinity: never. */
  dueAt = Infinity

  constructor(socket: Socket, keeper: Keeper) {
    this.#socket = socket
    this.#keeper = keeper
    socket.on('drain', () => this.#current?.upload.drained())
    socket.on('end', () => this.#ended())
    socket.on('error', error => this.fail(error))
    socket.on('close', () => this.fail(new errors.SocketError('other side closed')))
  }

  get held(): boolean {
    return this.#current?.held === true
  }

  /** Whoever asks sees to it that it is free. */
  send(call: Call, handler: Dispatcher.DispatchHandler): void {
    const upload = new Upload(call, this.#socket, error => this.fail(error))
    const current = this.#current = new CallUnderWay({ call, handler, upload }, {
      abort: (reason) => { if (this.#current === current) this.fail(reason) },
      resume: () => this.#resume(current),
    })
    this.#socket.ref()
    this.#parser.expect(call.method)
    this.#wait(call)
    handler.onRequestStart?.(current, {})
    // Called off by the handler.
    if (this.#current !== current) return
    try {
      upload.start()
    } catch (error) {
      this.fail(error as Error)
    }
  }

  #wait({ patience }: Call): void {
    this.dueAt = patience === 0 ? Infinity : this.#keeper.now() + patience
  }

  /** As `Take` of dial.ts. */
  take(chunk: Buffer): boolean {
    const current = this.#current
    if (current === undefined) {
      // Nobody asked. It could be taken for the answer to the next request.
      this.fail(new errors.SocketError('bytes that belong to no answer'))
      return false
    }
    // What TLS has read already still comes. Of a body that has begun it is passed on: a moment's, and no more.
    if (this.#rest !== undefined || this.held) {
      this.#rest = Buffer.concat([this.#rest ?? nothing, chunk])
      return false
    }
    this.#wait(current.call)
    current.begin()
    return this.#read(chunk)
  }

  #read(chunk: Buffer): boolean {
    try {
      const read = this.#parser.take(chunk)
      if (read === chunk.length) return this.#current?.paused !== true
      // An answer ended before its bytes did.
      if (this.#parser.idle) throw new errors.SocketError('bytes that belong to no answer')
      this.#rest = Buffer.from(chunk.subarray(read))
    } catch (error) {
      this.fail(error as Error)
    }
    return false
  }

  #resume(current: CallUnderWay): void {
    if (this.#current !== current) return
    const rest = this.#rest
    this.#rest = undefined
    this.#parser.resume()
    if (rest === undefined || this.#read(rest)) this.#socket.resume()
  }

  head(head: AnswerHead): void {
    this.keepFor = head.keepFor
    this.#current?.head(head)
  }

  data(chunk: Buffer): void {
    this.#current?.data(chunk)
  }

  end(): void {
    const current = this.#current
    if (current === undefined) return
    this.#current = undefined
    this.#answers += 1
    current.upload.stop()
    const mayGoOn = this.#parser.reusable && current.upload.done && !this.#socket.destroyed
    current.end()
    // The next answer is read whatever became of this one.
    if (current.paused) this.#socket.resume()
    if (!mayGoOn) return this.#leave()
    this.#socket.unref()
    this.#keeper.onFree(this)
  }

  #ended(): void {
    if (this.#current !== undefined && this.#rest === undefined && this.#parser.close()) this.#leave()
    else this.fail(new errors.SocketError('other side closed'))
  }

  /** Ends it, and what is under way with that error. */
  fail(error: Error): void {
    const current = this.#current
    this.#current = undefined
    // One that had answered before may have been closed over there just as it was used again.
    if (this.#answers > 0) noteStaleSocket(error)
    current?.upload.stop()
    this.#leave()
    current?.fail(error)
  }

  /** What it waited for did not come, or nobody needed it. */
  late(): void {
    if (this.#current === undefined) this.#leave()
    else this.fail(this.#current.answering ? new errors.BodyTimeoutError() : new errors.HeadersTimeoutError())
  }

  #leave(): void {
    if (this.#gone) return
    this.#gone = true
    this.#socket.destroy()
    this.#keeper.onGone(this)
  }
}

const nothing = Buffer.alloc(0)

interface Parts {
  readonly call: Call
  readonly handler: Dispatcher.DispatchHandler
  readonly upload: Upload
}

interface Way {
  readonly abort: (reason: Error) => void
  readonly resume: () => void
}

/** A request under way: what its handler is told, and what that may ask for. */
class CallUnderWay implements Dispatcher.DispatchController {
  readonly call: Call
  readonly upload: Upload
  readonly #handler: Dispatcher.DispatchHandler
  readonly #way: Way
  #begun = false
  answering = false
  /** A piece of the body was told. */
  #passing = false
  paused = false
  aborted = false
  reason: Error | null = null
  rawHeaders: string[] | null = null
  readonly rawTrailers = null

  constructor({ call, handler, upload }: Parts, way: Way) {
    this.call = call
    this.upload = upload
    this.#handler = handler
    this.#way = way
  }

  /** A first byte of an answer is here. */
  begin(): void {
    if (this.#begun) return
    this.#begun = true
    this.#handler.onResponseStarted?.()
  }

  head({ status, message, headers }: AnswerHead): void {
    this.answering = true
    this.rawHeaders = headers as string[]
    this.#handler.onResponseStart?.(this, status, {}, message)
  }

  /** Paused at the head: whether the caller sees this answer is not decided. */
  get held(): boolean {
    return this.paused && !this.#passing
  }

  data(chunk: Buffer): void {
    this.#passing = true
    if (!this.aborted) this.#handler.onResponseData?.(this, chunk)
  }

  end(): void {
    this.#handler.onResponseEnd?.(this, {})
  }

  fail(error: Error): void {
    this.call.body?.destroy()
    this.#handler.onResponseError?.(this, error)
  }

  abort(reason: Error): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = reason
    this.#way.abort(reason)
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    this.#way.resume()
  }
}
