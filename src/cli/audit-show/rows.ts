import type { LoggedEvent } from '../../audit-log/event.ts'
import { printable, quotedWhereOdd } from '../../authorize/quoted.ts'
import { hasNoEnd, reasonOf, tookOf, whatOf, whichOf } from './facts.ts'

/** A column: as wide as at first, then as its widest cell so far, at most as `most`; what is wider sticks out. */
interface Column {
  readonly head: string
  readonly least: number
  readonly most: number
}

const columns: readonly Column[] = [
  { head: 'TIME', least: 24, most: 24 },
  { head: 'CODE', least: 4, most: 4 },
  { head: 'VERB', least: 6, most: 16 },
  { head: 'WHAT', least: 16, most: 44 },
  { head: 'NAMESPACE/NAME', least: 24, most: 48 },
  { head: 'CALLER', least: 10, most: 32 },
  { head: 'TOOK', least: 6, most: 8 },
  { head: 'REASON', least: 0, most: 0 },
]

/** Characters of a cell, and of a reason, beyond which it is cut. */
const longest = { cell: 120, reason: 400 }

/** Events as lines in columns that grow with what comes. Nothing that a terminal would obey is in them. */
export class Rows {
  readonly #widths = columns.map(({ least }) => least)

  head(): string {
    return this.#line(columns.map(({ head }) => head))
  }

  /** With the newline. */
  row(event: LoggedEvent): string {
    return this.#line(cellsOf(event))
  }

  #line(cells: readonly string[]): string {
    let line = ''
    for (const [index, cell] of cells.entries()) {
      const width = Math.max(this.#widths[index] ?? 0, Math.min(cell.length, columns[index]?.most ?? 0))
      this.#widths[index] = width
      line += index === cells.length - 1 ? cell : `${cell.padEnd(width)}  `
    }
    return `${line.trimEnd()}\n`
  }
}

function cellsOf(event: LoggedEvent): string[] {
  return [
    timeCell(event.stageTimestamp),
    String(event.responseStatus?.code ?? '-'),
    cell(event.verb),
    cell(whatOf(event)),
    cell(whichOf(event)),
    callerCell(event),
    tookCell(event),
    printable(shortened(reasonOf(event), longest.reason)),
  ]
}

/** One word, whatever is in it. */
function cell(text: string): string {
  return text === '' ? '-' : quotedWhereOdd(shortened(text, longest.cell))
}

function shortened(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 3)}...` : text
}

/** To the millisecond, UTC. */
function timeCell(time: string): string {
  return time.length === 27 && time.endsWith('Z') ? `${time.slice(0, 23)}Z` : new Date(time).toISOString()
}

/** Where it is nobody that is known, the id in the key that was shown: of whose tool that may be. */
function callerCell({ user, annotations, ['impersonatedUser']: other }: LoggedEvent): string {
  const claimed = annotations?.['portcullis.dev/claimed-key-id']
  if (user.username === undefined && claimed !== undefined) return `(key ${cell(claimed)})`
  const caller = cell(user.username ?? '')
  const name = typeof other === 'object' && other !== null ? (other as { username?: unknown }).username : undefined
  return typeof name === 'string' ? `${caller} as ${cell(name)}` : caller
}

function tookCell(event: LoggedEvent): string {
  if (hasNoEnd(event)) return 'end not written'
  if (event.stage === 'RequestReceived') return 'no end'
  return event.stage === 'ResponseStarted' ? 'open' : tookWords(tookOf(event))
}

/** `12ms`, `1.2s`, `3m05s`, `2h04m`, `5d03h`. */
export function tookWords(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)}ms`
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)}s`
  const [seconds, minutes, hours] = [1000, 60_000, 3_600_000].map(unit => Math.floor(milliseconds / unit)) as [number, number, number]
  if (minutes < 60) return `${minutes}m${pad(seconds % 60)}s`
  return hours < 24 ? `${hours}h${pad(minutes % 60)}m` : `${Math.floor(hours / 24)}d${pad(hours % 24)}h`
}

function pad(count: number): string {
  return String(count).padStart(2, '0')
}
