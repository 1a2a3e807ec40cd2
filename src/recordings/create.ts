import { join } from 'node:path'
import { ProxyError } from '../errors.ts'
import type { Admitted } from '../model/admitted.ts'
import type { RecordedSession } from '../model/trail.ts'
import { allValues, queryOf } from '../queries/query.ts'
import { commandLine } from '../redaction/command.ts'
import { headerLine } from './cast.ts'
import { diskTooLate, realDisk, type Disk } from './disk.ts'
import { inTime } from '../in-time.ts'
import { recordingName } from './names.ts'
import { RecordingFile } from './recording-file.ts'
import { SessionRecording } from './recording.ts'
import type { Recording, Recordings } from './recordings.ts'
import { tidyEvery, tidyRecordings } from './tidy.ts'

/** Sizes in bytes, times in milliseconds, the path absolute. */
export interface RecordingSettings {
  readonly folder: string
  readonly maxSize: number
  /** Undefined: for ever. */
  readonly keepFor?: number | undefined
}

export interface RecordingsOptions {
  /** No session without its recording, as in the mode `blocking-strict` of the audit. */
  readonly strict: boolean
  /** Every secret that is held, in every form. */
  readonly secrets: () => readonly string[]
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Milliseconds, monotonic. */
  readonly elapsed: () => number
  /** Events that a file lacks. */
  readonly onDropped: (events: number) => void
  readonly onError: (error: Error) => void
  readonly disk?: Disk
  /** Bytes of a session that may wait for the disk. */
  readonly maxPending?: number
  /** Milliseconds that the beginning of one may take, and its end. */
  readonly patience?: number
}

export interface ConfiguredRecordings extends Recordings {
  /** For the sessions that are still to come; undefined: nowhere, so that what must be recorded cannot be. */
  configure(settings: RecordingSettings | undefined): void
  /** Resolves when those that are open have ended, within a bound. */
  close(): Promise<void>
}

/** Milliseconds. */
const grace = 500

/** Recordings as asciicast v2 files, one a session, readable by us alone. */
export function createRecordings(options: RecordingsOptions): ConfiguredRecordings {
  return new Folder(options)
}

class Folder implements ConfiguredRecordings {
  readonly #options: Required<RecordingsOptions>
  /** By their paths while they are written. */
  readonly #open = new Map<string, Promise<unknown>>()
  #settings: RecordingSettings | undefined
  #timer: NodeJS.Timeout | undefined
  #tidying: Promise<void> = Promise.resolve()

  constructor(options: RecordingsOptions) {
    this.#options = { disk: realDisk, maxPending: 4 * 1024 * 1024, patience: 4_000, ...options }
  }

  configure(settings: RecordingSettings | undefined): void {
    clearInterval(this.#timer)
    this.#settings = settings
    if (settings?.keepFor === undefined) return
    this.#tidy()
    this.#timer = setInterval(() => this.#tidy(), tidyEvery(settings.keepFor)).unref()
  }

  async open(admitted: Admitted, onLost: () => void): Promise<Recording> {
    const { strict, onError, onDropped } = this.#options
    try {
      return await this.#begin(admitted, onLost)
    } catch (cause) {
      onError(new Error('a session that the policy wants recorded cannot be', { cause }))
      onDropped(1)
      if (strict) throw new ProxyError('AuditUnavailable', 'this session cannot be recorded, and without its recording no session goes up', { cause, retryAfter: 1 })
      return notRecorded
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    const { patience, onError } = this.#options
    // An end that begins now may take its whole patience, and is told of before we give up.
    await inTime(Promise.allSettled([...this.#open.values(), this.#tidying]), patience + grace, diskTooLate).catch((cause: unknown) => {
      onError(new Error(`${this.#open.size} recordings were still open at the end, and stay .part files`, { cause }))
    })
  }

  async #begin(admitted: Admitted, onLost: () => void): Promise<Recording> {
    if (this.#settings === undefined) throw new Error('audit.recordings names no folder')
    const { strict, secrets, elapsed, patience, onDropped, onError, disk, maxPending } = this.#options
    const { folder, maxSize } = this.#settings
    const { arrival, caller } = admitted
    const name = recordingName(arrival.receivedAt, caller.definition.name, arrival.auditId)
    const path = join(folder, name)
    const creating = RecordingFile.create(this.#header(admitted), { path, disk, maxSize, maxPending })
    const file = await inTime(creating, patience, diskTooLate).catch((error: unknown) => {
      creating.then(late => late.discard(), () => {})
      throw error
    })
    const recording = new SessionRecording({ name, file, strict, known: secrets, elapsed, patience, onLost, onDropped, onError })
    return this.#followed(recording, `${path}.part`)
  }

  #header({ arrival, resolved }: Admitted): string {
    const known = this.#options.secrets()
    const { attributes: { namespace, name }, target } = resolved
    const query = allValues(queryOf(target))
    const container = commandLine(query.get('container')?.slice(0, 1) ?? [], known)
    return headerLine({
      timestamp: Math.floor(arrival.receivedAt / 1000),
      command: commandLine(query.get('command') ?? [], known),
      title: [namespace, name, ...container === '' ? [] : [container]].join('/'),
      tty: ['true', '1'].includes(query.get('tty')?.[0] ?? ''),
    })
  }

  /** Whoever closes waits for what is open. */
  #followed(recording: SessionRecording, path: string): Recording {
    let over = () => {}
    this.#open.set(path, new Promise<void>((resolve) => { over = resolve }))
    const settled = <T>(work: Promise<T>): Promise<T> => work.finally(() => {
      this.#open.delete(path)
      over()
    })
    return {
      begin: protocol => recording.begin(protocol),
      fromCaller: chunk => recording.fromCaller(chunk),
      fromUpstream: chunk => recording.fromUpstream(chunk),
      end: () => settled(recording.end()),
      discard: () => settled(recording.discard()),
    }
  }

  #tidy(): void {
    const { folder, keepFor } = this.#settings ?? {}
    if (folder === undefined || keepFor === undefined) return
    const { now, onError } = this.#options
    this.#tidying = this.#tidying.then(() => tidyRecordings({ folder, keepFor, open: this.#open.keys(), now: now() })).catch((cause: unknown) => {
      onError(new Error('old recordings could not be deleted', { cause }))
    })
  }
}

/** Where it could not be begun and need not be: the event says so. */
const notRecorded: Recording = {
  begin() {},
  fromCaller() {},
  fromUpstream() {},
  end: (): Promise<RecordedSession> => Promise.resolve({ truncated: 'failed' }),
  discard: () => Promise.resolve(),
}
