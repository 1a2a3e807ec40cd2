import { pino, stdTimeFunctions } from 'pino'
import type { DestinationStream, Logger } from 'pino'
import { serializeError } from './errors.ts'

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

export interface LogOptions {
  readonly level: LogLevel
  /** Where the lines go; default: standard error, so that standard output stays the audit log's. */
  readonly destination?: DestinationStream
  /** Facts of every line; default: the process id alone. */
  readonly base?: Readonly<Record<string, unknown>>
  /** Takes secrets out of a line. */
  readonly redact: Redact
}

type Redact = (line: string) => string

/**
 * The operational log: JSON lines, a fixed message and the facts as fields.
 *
 * Secrets are looked for in the finished line, not in named fields: nothing that is
 * logged, at whatever depth and by whatever serializer, gets past it.
 *
 * The level may be set while running (`log.level = 'debug'`). A pino child keeps the
 * level of its birth: make children per request, not for good.
 */
export function createLog({ level, destination = standardError(), base = {}, redact }: LogOptions): Logger {
  return pino({
    level,
    base: { pid: process.pid, ...base },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: label => ({ level: label }) },
    serializers: { err: error => serializeError(error), error: error => serializeError(error) },
  }, redacting(destination, redact))
}

/** Passes every line on without its secrets. */
function redacting(destination: DestinationStream, redact: Redact): DestinationStream {
  return { write: line => destination.write(redact(line)) }
}

/** Not written synchronously, for a reader that stalls must not stall the proxy; pino itself writes what is left at exit. */
function standardError(): DestinationStream {
  return pino.destination({ fd: 2, sync: false })
}
