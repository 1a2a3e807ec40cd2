import { ProxyError } from '../errors.ts'
import type { RecordedSession, RecordingLoss } from '../model/trail.ts'
import { createSessionReader, type SessionProtocol, type SessionReader } from '../protocols/channels.ts'
import { redactKnown, redactSecrets } from '../redaction/redact.ts'
import { eventLine, markerLine, type CastCode } from './cast.ts'
import { inTime } from '../in-time.ts'
import { diskTooLate } from './disk.ts'
import type { RecordingFile } from './recording-file.ts'
import type { Recording } from './recordings.ts'
import { SessionText } from './session-text.ts'

export interface SessionRecordingOptions {
  /** The file's name, without its folder. */
  readonly name: string
  readonly file: RecordingFile
  /** No session without its recording. */
  readonly strict: boolean
  readonly known: () => readonly string[]
  /** Milliseconds, monotonic. */
  readonly elapsed: () => number
  /** Milliseconds that the end may take. */
  readonly patience: number
  readonly onLost: () => void
  /** Events that the file lacks. */
  readonly onDropped: (events: number) => void
  readonly onError: (error: Error) => void
}

/** One session's, as it is written. */
export class SessionRecording implements Recording {
  readonly #options: SessionRecordingOptions
  readonly #text: SessionText
  #reader: SessionReader | undefined
  #begunAt = 0
  #loss: RecordingLoss | undefined
  /** Nothing of it is read any more. */
  #over = false
  /** Nothing more can be written, but how the command ends is still read. */
  #stopped = false
  #missing = 0

  constructor(options: SessionRecordingOptions) {
    this.#options = options
    this.#begunAt = options.elapsed()
    options.file.onFailed = (error, events) => this.#fail(error, events)
    this.#text = new SessionText({ known: options.known, put: (code, text) => this.#put(code, text) })
  }

  begin(protocol: SessionProtocol): void {
    this.#begunAt = this.#options.elapsed()
    try {
      this.#reader = createSessionReader(protocol, this.#text.take)
    } catch (cause) {
      this.#unreadable(cause as Error)
      if (this.#options.strict) throw new ProxyError('AuditUnavailable', 'this session cannot be recorded, and without its recording no session goes up', { cause })
    }
  }

  fromCaller(chunk: Buffer): void {
    this.#read(reader => reader.fromCaller(chunk))
  }

  fromUpstream(chunk: Buffer): void {
    this.#read(reader => reader.fromUpstream(chunk))
  }

  async end(): Promise<RecordedSession> {
    const { name, patience, onError } = this.#options
    const exitCode = this.#tellEnd()
    const sha256 = await inTime(this.#options.file.finish(), patience, diskTooLate).catch((cause: unknown) => {
      this.#options.file.giveUp()
      onError(new Error(`the recording ${name} could not be finished`, { cause }))
      this.#lose('failed', 1)
      return undefined
    })
    return {
      ...sha256 === undefined ? { file: `${name}.part` } : { file: name, sha256 },
      ...this.#loss === undefined ? {} : { truncated: this.#loss },
      ...exitCode === undefined ? {} : { exitCode },
    }
  }

  async discard(): Promise<void> {
    const { name, file, patience, onError } = this.#options
    this.#over = true
    await inTime(file.discard(), patience, diskTooLate).catch((cause: unknown) => {
      onError(new Error(`the recording ${name}, of no session, could not be deleted; delete ${name}.part once its disk answers`, { cause }))
    })
  }

  #fail(error: Error, events: number): void {
    this.#options.onError(new Error(`the recording ${this.#options.name} cannot be written`, { cause: error }))
    this.#lose('failed', events)
  }

  /** Whatever is wrong with what passes is no affair of the tunnel's. */
  #read(read: (reader: SessionReader) => void): void {
    if (this.#reader === undefined || this.#over) return
    try {
      read(this.#reader)
    } catch (error) {
      this.#unreadable(error as Error)
    }
  }

  #unreadable(error: Error): void {
    const { name, onError } = this.#options
    this.#over = true
    onError(new Error(`the recording ${name} ends early, for what passed cannot be read`, { cause: error }))
    this.#mark(`portcullis: the recording ends here, for what passed cannot be read: ${error.message}`)
    this.#lose('unreadable', 1)
  }

  #put(code: CastCode, text: string): void {
    if (this.#over || this.#stopped) return
    if (this.#missing > 0 && !this.#tellMissing()) return this.#miss()
    const taken = this.#options.file.write(eventLine(this.#at(), code, text))
    if (taken === 'taken') return
    if (taken === 'slow') return this.#miss()
    this.#stopped = true
    if (taken === 'full') this.#mark('portcullis: the recording ends here, for it has its largest size (audit.recordings.maxSize)')
    this.#lose(taken === 'full' ? 'size' : 'failed', 1)
  }

  #miss(): void {
    this.#missing += 1
    this.#lose('dropped', 1)
  }

  #tellMissing(closing = false): boolean {
    const said = this.#options.file.write(markerLine(this.#at(), `portcullis: ${this.#missing} events are missing here, for the disk did not keep up`), { closing })
    if (said === 'taken') this.#missing = 0
    return said === 'taken'
  }

  #mark(text: string): void {
    const clean = redactSecrets(redactKnown(text, this.#options.known()))
    const taken = this.#options.file.write(markerLine(this.#at(), clean), { closing: true })
    if (taken === 'full') this.#lose('size', 1)
  }

  /** The first loss is why; each is counted. */
  #lose(why: RecordingLoss, events: number): void {
    const { strict, onLost, onDropped } = this.#options
    const isFirst = this.#loss === undefined
    this.#loss ??= why
    onDropped(events)
    if (isFirst && strict) onLost()
  }

  #tellEnd(): number | undefined {
    const end = this.#text.end()
    if (this.#missing > 0) this.#tellMissing(true)
    if (end !== undefined) this.#mark(end.exitCode === undefined ? `failed: ${end.message}` : `exit code ${end.exitCode}`)
    this.#over = true
    return end?.exitCode
  }

  /** Seconds since the beginning. */
  #at(): number {
    return (this.#options.elapsed() - this.#begunAt) / 1000
  }
}
