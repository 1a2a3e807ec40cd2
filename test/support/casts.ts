import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export type CastEvent = readonly [at: number, code: string, text: string]

export interface Cast {
  readonly name: string
  readonly text: string
  readonly header: Readonly<Record<string, unknown>>
  readonly events: readonly CastEvent[]
  /** All that was typed; all that was shown; sizes; markers. */
  readonly typed: string
  readonly shown: string
  readonly sizes: readonly string[]
  readonly markers: readonly string[]
}

/** The recordings of a folder, also those that are not whole, by name. */
export function readCasts(folder: string): Cast[] {
  if (!existsSync(folder)) return []
  try {
    return readdirSync(folder).sort().map(name => toCast(name, readFileSync(join(folder, name), 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    // One of them got its last name meanwhile.
    return readCasts(folder)
  }
}

export function toCast(name: string, text: string): Cast {
  const [header = {}, ...events] = text.split('\n').filter(line => line !== '').map(line => JSON.parse(line) as unknown)
  const of = (code: string) => (events as CastEvent[]).filter(event => event[1] === code).map(event => event[2])
  return {
    name, text, header: header as Cast['header'], events: events as CastEvent[],
    typed: of('i').join(''), shown: of('o').join(''), sizes: of('r'), markers: of('m'),
  }
}

/** What the format (https://docs.asciinema.org/manual/asciicast/v2/) has against a file; empty when nothing. */
export function faultsOfCast(text: string): string[] {
  if (!text.endsWith('\n')) return ['the last line is cut']
  const [first = '', ...lines] = text.slice(0, -1).split('\n')
  return [...headerFaults(parsed(first)), ...lines.flatMap((line, i) => eventFaults(parsed(line)).map(fault => `line ${i + 2}: ${fault}`)), ...orderFaults(lines)]
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line) as unknown
  } catch {
    return undefined
  }
}

function headerFaults(header: unknown): string[] {
  if (typeof header !== 'object' || header === null || Array.isArray(header)) return ['the header is no object']
  const { version, width, height, timestamp, command, title, env, ...more } = header as Record<string, unknown>
  const isSize = (value: unknown) => Number.isInteger(value) && (value as number) > 0
  const isText = (value: unknown) => value === undefined || typeof value === 'string'
  const rows: [string, boolean][] = [
    ['version is not 2', version === 2], ['width', isSize(width)], ['height', isSize(height)],
    ['timestamp', timestamp === undefined || Number.isInteger(timestamp)], ['command', isText(command)], ['title', isText(title)],
    ['env', env === undefined || typeof env === 'object' && env !== null && Object.values(env).every(value => typeof value === 'string')],
    [`unknown: ${Object.keys(more).join()}`, Object.keys(more).length === 0],
  ]
  return rows.filter(([, right]) => !right).map(([fault]) => `header: ${fault}`)
}

function eventFaults(event: unknown): string[] {
  if (!Array.isArray(event) || event.length !== 3) return ['no event of three']
  const [at, code, text] = event as unknown[]
  const faults: string[] = []
  if (typeof at !== 'number' || !Number.isFinite(at) || at < 0) faults.push('no time')
  if (typeof code !== 'string' || !/^[oirm]$/.test(code)) faults.push(`no code: ${String(code)}`)
  if (typeof text !== 'string') faults.push('no text')
  if (code === 'r' && !/^[1-9]\d*x[1-9]\d*$/.test(String(text))) faults.push(`no size: ${String(text)}`)
  return faults
}

function orderFaults(lines: readonly string[]): string[] {
  const times = lines.map(line => (parsed(line) as CastEvent | undefined)?.[0] ?? 0)
  return times.some((time, i) => time < (times[i - 1] ?? 0)) ? ['the times go back'] : []
}
