import type { Socket } from 'node:net'
import { errors, type Dispatcher } from 'undici'
import { noteStaleSocket } from '../../upstream-errors.ts'
import type { Call } from '../sender.ts'
import { AnswerParser, type AnswerReader } from './answer.ts'
import type { AnswerHead } from './head.ts'
import { CallUnderWay, type Carrier } from './under-way.ts'
import { Upload, type Uploader } from './upload.ts'

/** What a connection tells whoever keeps it. */
export interface Keeper {
  /** The first piece of an answer is here, to be read by `readFirst` in a moment. */
  onFirst(connection: Connection): void
  /** Its answer has ended; it may carry another request once what was read with that has been looked at. */
  onFree(connection: Connection): void
  onGone(connection: Connection): void
  /** Milliseconds, monotonic. */
  readonly now: () => number
}

/** Bytes up to which a first piece is mostly the whole answer, and worth a copy. */
const short = 8 * 1024

/** One connection to the API server: a request at a time. */
export class Connection implements AnswerReader, Carrier, Uploader {
  readonly #socket: Socket
  readonly #keeper: Keeper
  readonly #parser = new AnswerParser(this)
  #current: CallUnderWay | undefined
  #upload: Upload | undefined
  /** The first piece of an answer, to be read together with those of others. */
  #first: Buffer | undefined
  /** Read and not looked at, for the handler paused at the head. */
  #rest: Buffer | undefined
  /** Something is to be done when the handler goes on. */
  #halted = false
  /** The API server has said its last. */
  #atEnd = false
  #answers = 0
  #gone = false
  /** Milliseconds that the API server said it keeps an idle connection; undefined: it did not say. */
  keepFor: number | undefined
  /** When an answer is too late, or it was idle for too long. Milliseconds; Infinity: never. */
  dueAt = Infinity

  constructor(socket: Socket, keeper: Keeper) {
    this.#socket = socket
    this.#keeper = keeper
    socket.on('drain', () => this.#upload?.drained())
    socket.on('end', () => this.#ended())
    socket.on('error', error => this.#lost(error))
    socket.on('close', () => this.#lost(new errors.SocketError('other side closed')))
  }

  get paused(): boolean {
    return this.#current?.paused === true
  }

  get held(): boolean {
    return this.#current?.held === true
  }

  /** Whoever asks sees to it that it is free. False: called off before anything was sent, and it is free still. */
  send(call: Call, handler: Dispatcher.DispatchHandler): boolean {
    const current = new CallUnderWay(call, handler, this)
    if (!current.start()) return false
    this.#current = current
    this.#upload = new Upload(call, this.#socket, this)
    this.#socket.ref()
    this.#parser.expect(call.method)
    // A body has a time of its own, and what it then is told is that it came too slowly.
    if (call.body === undefined) this.#wait(call)
    else this.dueAt = Infinity
    try {
      this.#upload.start()
    } catch (error) {
      this.fail(error as Error)
    }
    return true
  }

  /** Nobody needs it until then, nor does the process wait for it. */
  rest(dueAt: number): void {
    this.dueAt = dueAt
    this.#socket.unref()
  }

  #wait({ patience }: Call): void {
    this.dueAt = patience === 0 ? Infinity : this.#keeper.now() + patience
  }

  /** As `Take` of dial.ts. */
  take(chunk: Buffer): boolean {
    this.readFirst()
    const current = this.#current
    if (current === undefined) {
      // Nobody asked. It could be taken for the answer to the next request.
      this.fail(new errors.SocketError('bytes that belong to no answer'))
      return false
    }
    // What TLS has read already still comes. Of a body that has begun it is passed on: a moment's, and no more.
    if (current.held) {
      this.#halted = true
      this.#rest = Buffer.concat([this.#rest ?? nothing, chunk])
      return false
    }
    if (!current.answering && chunk.length <= short) {
      this.#first = Buffer.from(chunk)
      this.#keeper.onFirst(this)
      return true
    }
    // A head that comes bit by bit, or after others, is not given more time.
    if (current.answering) this.#wait(current.call)
    return this.#read(chunk)
  }

  /** Now, for its turn or what comes behind it is here. */
  readFirst(): void {
    const chunk = this.#first
    this.#first = undefined
    if (chunk !== undefined && !this.#read(chunk)) this.#socket.pause()
  }

  #read(chunk: Buffer): boolean {
    try {
      this.#current?.begin()
      const read = this.#parser.take(chunk)
      this.#halted = this.paused
      if (read === chunk.length) return !this.paused
      // An answer ended before its bytes did.
      if (this.#parser.idle) throw new errors.SocketError('bytes that belong to no answer')
      this.#rest = Buffer.from(chunk.subarray(read))
    } catch (error) {
      this.fail(error as Error)
    }
    return false
  }

  onAbort(current: CallUnderWay, reason: Error): void {
    if (current === this.#current) this.fail(reason)
  }

  onResume(current: CallUnderWay): void {
    if (current !== this.#current) return
    this.#wait(current.call)
    // Paused and resumed while it is told something, of which the rest follows.
    if (!this.#halted) return
    this.#halted = false
    const rest = this.#rest
    this.#rest = undefined
    this.#parser.resume()
    if (rest !== undefined && !this.#read(rest)) return
    if (this.#atEnd) this.#ended()
    else this.#socket.resume()
  }

  head(head: AnswerHead): void {
    const current = this.#current
    if (current === undefined) return
    this.keepFor = head.keepFor
    this.#wait(current.call)
    current.head(head)
  }

  data(chunk: Buffer): void {
    this.#current?.data(chunk)
  }

  end(): void {
    const current = this.#current
    if (current === undefined) return
    const sent = this.#upload?.done === true
    this.#letGo()
    this.#answers += 1
    current.end()
    // The next answer is read, whatever became of this one.
    if (current.paused) this.#socket.resume()
    if (this.#parser.reusable && sent && !this.#socket.destroyed) this.#keeper.onFree(this)
    else this.#leave()
  }

  onSent(): void {
    if (this.#current !== undefined) this.#wait(this.#current.call)
  }

  onBodyLost(upload: Upload, error: Error): void {
    if (upload === this.#upload) this.fail(error)
  }

  #letGo(): void {
    this.#upload?.stop()
    this.#upload = undefined
    this.#current = undefined
    this.#halted = false
  }

  #ended(): void {
    this.readFirst()
    this.#atEnd = true
    if (this.paused) this.#halted = true
    else if (this.#parser.close()) this.#leave()
    else this.#lost(new errors.SocketError('other side closed'))
  }

  #lost(error: Error): void {
    this.readFirst()
    // Whatever became of the socket afterwards: all of the answer that there is was read.
    if (this.#atEnd && this.paused) return
    // One that had answered before may have been closed over there just as it was used again.
    if (this.#answers > 0) noteStaleSocket(error)
    this.fail(error)
  }

  /** Ends it, and what is under way with that error. */
  fail(error: Error): void {
    const current = this.#current
    this.#letGo()
    this.#leave()
    current?.fail(error)
  }

  /** What it waited for did not come, or nobody needed it. */
  late(): void {
    const current = this.#current
    if (current === undefined) this.#leave()
    // Then it is the handler that is waited for.
    else if (!current.paused) this.fail(current.answering ? new errors.BodyTimeoutError() : new errors.HeadersTimeoutError())
  }

  #leave(): void {
    if (this.#gone) return
    this.#gone = true
    this.#socket.destroy()
    this.#keeper.onGone(this)
  }
}

const nothing = Buffer.alloc(0)
