import { followLog } from '../../audit-log/follow.ts'
import { readLog, type LogEntry } from '../../audit-log/read.ts'
import { FaultList } from '../audit-show/fault-list.ts'
import { parseFilter, parseTime } from '../audit-show/filter.ts'
import { findInputs } from '../audit-show/inputs.ts'
import { write, type Output } from '../output.ts'
import { ProgressBar } from '../progress-bar.ts'
import { UsageError } from '../run-command.ts'
import type { Observed } from './observed.ts'
import { Requests } from './requests.ts'

export interface LogArgs {
  /** Paths, `-` for stdin; none: the log of the config. */
  readonly files: readonly string[]
  readonly configFile: () => Promise<string>
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly cluster?: readonly string[] | undefined
}

export interface LogDeps {
  readonly stdin: AsyncIterable<Buffer | string>
  readonly stderr: Output & { readonly isTTY?: boolean }
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/**
 * Tells every request that a log has, once, and that was judged. What cannot be read is named on stderr. Returns how
 * many events there were; rejects where there is no log, and where nothing of it can be read.
 */
export async function readRequests(args: LogArgs, { stdin, stderr, now }: LogDeps, tell: (observed: Observed) => void): Promise<number> {
  const since = parseTime('--since', args.since, now())
  if (since !== undefined && since > now()) throw new UsageError('--since lies in the future: nothing was done after it')
  const matches = parseFilter({ since: args.since, until: args.until, ...args.cluster === undefined ? {} : { cluster: args.cluster } }, now())
  const { sources, rotated, total, notes } = await findInputs(args, stdin, since)
  for (const note of notes) await write(stderr, `portcullis suggest: ${note}\n`)
  const progress = new ProgressBar({ stderr, what: 'reading the audit log', total, now })
  const onBytes = (bytes: number) => progress.add(bytes)
  const requests = new Requests()
  const faults = new FaultList('suggest')
  let sound = 0
  const take = (entries: readonly LogEntry[]) => {
    for (const entry of entries) {
      if (entry.kind === 'fault') faults.add(entry)
      else {
        sound += 1
        if (matches(entry.event)) for (const observed of requests.take(entry.event)) tell(observed)
      }
    }
  }
  try {
    for await (const entries of readLog(sources, { onBytes })) take(entries)
    if (rotated !== undefined) {
      for await (const entries of followLog(rotated.path, { known: rotated.known, once: true, signal: new AbortController().signal, onBytes })) take(entries)
    }
  } finally {
    progress.end()
  }
  for (const observed of requests.rest()) tell(observed)
  for (const line of faults.report()) await write(stderr, `${line}\n`)
  if (sound === 0) throw new Error(faults.count > 0 ? 'nothing in it could be read as an audit log' : 'the audit log is empty')
  return sound
}
