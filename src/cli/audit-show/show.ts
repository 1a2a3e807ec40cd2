import { followLog } from '../../audit-log/follow.ts'
import { readLog, type EventEntry } from '../../audit-log/read.ts'
import type { Output } from '../output.ts'
import { messageOf, write } from '../output.ts'
import { ProgressBar } from '../progress-bar.ts'
import { UsageError } from '../run-command.ts'
import { FaultList } from './fault-list.ts'
import { parseFilter, parseTime, type FilterOptions } from './filter.ts'
import { harmless, unchanged } from './json-line.ts'
import { findInputs, type Inputs } from './inputs.ts'
import { NamesMet } from './names-met.ts'
import { Rows } from './rows.ts'
import { Selection, type Line } from './selection.ts'

export interface AuditShowArgs extends FilterOptions {
  /** Paths, `-` for stdin; none: the log of the config. */
  readonly files: readonly string[]
  readonly configFile: () => Promise<string>
  readonly follow?: boolean | undefined
  readonly json?: boolean | undefined
}

export interface AuditShowDeps {
  readonly stdin: AsyncIterable<Buffer | string>
  readonly stdout: Output & { readonly isTTY?: boolean }
  readonly stderr: Output & { readonly isTTY?: boolean }
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Ends a following. */
  readonly signal: AbortSignal
  /** Milliseconds between two looks at a file that is followed, and until a request that has not ended is shown as open. */
  readonly pace?: { readonly interval: number, readonly open: number }
}

const usualPace = { interval: 250, open: 1000 }

/**
 * `portcullis audit show`: the events of an audit log that are asked for, a line each. Returns the exit code: 0,
 * 1 where nothing could be read, 2 for wrong usage.
 */
export async function auditShowCommand(args: AuditShowArgs, deps: AuditShowDeps): Promise<number> {
  try {
    return await show(args, deps)
  } catch (error) {
    // Whoever reads us has seen enough, as `head` has.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return 0
    await write(deps.stderr, `portcullis audit show: ${messageOf(error)}\n`)
    return error instanceof UsageError ? 2 : 1
  }
}

async function show(args: AuditShowArgs, deps: AuditShowDeps): Promise<number> {
  const { stdout, stderr, now } = deps
  const matches = parseFilter(args, now())
  const inputs = await findInputs(args, deps.stdin, parseTime('--since', args.since, now()))
  for (const note of inputs.notes) await write(stderr, `portcullis audit show: ${note}\n`)
  const rows = new Rows()
  const faults = new FaultList()
  const format = args.json === true ? jsonFormat(stdout.isTTY === true) : ({ event }: EventEntry) => rows.row(event)
  if (args.json !== true && stdout.isTTY === true) await write(stdout, rows.head())
  const met = new NamesMet({ caller: args.caller ?? [], cluster: args.cluster ?? [] })
  const selection = new Selection({ matches, format, faults, met, now })
  await print(inputs, selection, faults, deps)
  if (selection.sound > 0 && selection.matched === 0) {
    for (const line of [`no event matches; ${selection.sound} ${selection.sound === 1 ? 'was' : 'were'} read`, ...met.lines()]) await write(stderr, `portcullis audit show: ${line}\n`)
  }
  return faults.count > 0 && selection.sound === 0 ? 1 : 0
}

function jsonFormat(terminal: boolean): (entry: EventEntry) => string | Buffer {
  return ({ bytes }) => terminal ? harmless(bytes) : unchanged(bytes)
}

async function print({ sources, rotated, live, total }: Inputs, selection: Selection, faults: FaultList, deps: AuditShowDeps): Promise<void> {
  const { stdout, stderr, now, signal, pace = usualPace } = deps
  const progress = new ProgressBar({ stderr, what: 'reading the audit log', total, now })
  const put = async (lines: readonly Line[]) => {
    if (lines.length === 0) return
    if (stdout.isTTY === true) progress.clear()
    await write(stdout, joined(lines))
  }
  const tell = async () => {
    progress.clear()
    for (const line of faults.report()) await write(stderr, `${line}\n`)
  }
  const onBytes = (bytes: number) => progress.add(bytes)
  for await (const entries of readLog(sources, { onBytes })) {
    await put(selection.take(entries))
    if (live && rotated === undefined) await put(selection.open(pace.open))
  }
  if (rotated !== undefined) {
    for await (const entries of followLog(rotated.path, { known: rotated.known, once: !live, signal, interval: pace.interval, onBytes })) {
      await put(selection.take(entries))
      if (entries.length > 0 || !live) continue
      progress.end()
      await put(selection.open(pace.open))
      await tell()
    }
  }
  progress.end()
  await put(selection.open())
  await tell()
}

/** What a batch of lines is: all of them texts, or none. */
function joined(lines: readonly Line[]): Line {
  const buffers = lines.filter(line => typeof line !== 'string')
  return buffers.length === 0 ? lines.join('') : Buffer.concat(buffers)
}
