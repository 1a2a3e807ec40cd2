import { existsSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import type { ChainPoint } from './chain.ts'
import { digestOf, readLink } from './chain-link.ts'
import { eachLine } from './chain-lines.ts'

export interface ChainEnd {
  /** The last whole line; undefined where there is none. One without a link, of a version before the chain, has the sequence 0. */
  readonly last: ChainPoint | undefined
  /** What stands behind it: what is left of lines that were cut, one by one. */
  readonly cut: readonly Buffer[]
}

const nothing: ChainEnd = { last: undefined, cut: [] }
const firstLook = 64 * 1024

/** How a file ends: the end alone is read, of a compressed one all. A file that does not exist has nothing. */
export async function readEnd(path: string): Promise<ChainEnd> {
  if (path.endsWith('.gz')) return readPacked(path)
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (file === undefined) return nothing
  try {
    return await readPlain(file)
  } finally {
    await file.close()
  }
}

const found = new Error('found')

/** The first line of a file with a link; undefined where there is none, or no file. */
export async function readBegin(path: string | undefined): Promise<ChainPoint | undefined> {
  let first: ChainPoint | undefined
  if (path === undefined || !existsSync(path)) return undefined
  await eachLine(path, (line) => {
    if (readLink(line) === undefined) return
    first = pointOf(line)
    throw found
  }).catch((error: unknown) => { if (error !== found) throw error })
  return first
}

async function readPlain(file: FileHandle): Promise<ChainEnd> {
  const { size } = await file.stat()
  for (let length = firstLook; ; length *= 8) {
    const from = Math.max(0, size - length)
    const bytes = await readAt(file, from, size - from)
    // Where the first piece begins in the middle of a line, it is no line.
    const start = from === 0 ? 0 : bytes.indexOf(10) + 1
    const found = endOf(linesOf(bytes.subarray(start)))
    if (found.last !== undefined || from === 0) return found
  }
}

async function readAt(file: FileHandle, from: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  let read = 0
  while (read < length) {
    const { bytesRead } = await file.read(bytes, read, length - read, from + read)
    if (bytesRead === 0) break
    read += bytesRead
  }
  return bytes.subarray(0, read)
}

interface Line {
  readonly bytes: Buffer
  readonly ended: boolean
}

function linesOf(bytes: Buffer): Line[] {
  const lines: Line[] = []
  let start = 0
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
    lines.push({ bytes: bytes.subarray(start, end), ended: true })
    start = end + 1
  }
  return start < bytes.length ? [...lines, { bytes: bytes.subarray(start), ended: false }] : lines
}

/** A line that somebody appended since is no line of the chain, even if it is whole; only where none has a link is a whole one an end. */
function endOf(lines: readonly Line[]): ChainEnd {
  const linked = lines.findLastIndex(({ bytes }) => readLink(bytes) !== undefined)
  // A piece of a line is never JSON, so what is JSON was a whole one.
  const index = linked >= 0 ? linked : lines.findLastIndex(({ bytes, ended }) => ended && isObject(bytes))
  const line = lines[index]
  return { last: line === undefined ? undefined : pointOf(line.bytes), cut: lines.slice(index + 1).map(({ bytes }) => bytes) }
}

async function readPacked(path: string): Promise<ChainEnd> {
  let lines: Line[] = []
  await eachLine(path, (bytes, ended) => {
    if (readLink(bytes) !== undefined || lines.every(line => readLink(line.bytes) === undefined) && ended && isObject(bytes)) lines = []
    lines.push({ bytes: Buffer.from(bytes), ended })
  })
  return endOf(lines)
}

function pointOf(line: Buffer): ChainPoint {
  return { digest: digestOf(line), sequence: readLink(line)?.sequence ?? 0 }
}

/** Whether a line is a JSON object, and so was whole. */
export function isObject(line: Buffer): boolean {
  if (line[0] !== 0x7b || line.at(-1) !== 0x7d) return false
  try {
    JSON.parse(line.toString())
    return true
  } catch {
    return false
  }
}
