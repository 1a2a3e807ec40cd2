import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { LineSplitter, type RawLine } from './lines.ts'

/** Bytes of a line at most: nothing that we write comes near it, and memory must not be what a broken file says. */
const longestLine = 64 * 1024 ** 2

export interface EachLineOptions {
  /** Told of bytes as they are in the file. */
  readonly onRead?: (bytes: number) => void
}

/**
 * Hands on every line of a file, plain or `.gz`, without its line break; `ended` says whether it had one.
 * The bytes are only good until the call returns. Rejects where the file cannot be read, or compressed data end in the middle.
 */
export async function eachLine(path: string, take: (line: Buffer, ended: boolean) => void, { onRead }: EachLineOptions = {}): Promise<void> {
  const splitter = new LineSplitter(longestLine)
  const hand = (lines: readonly RawLine[]) => {
    for (const { bytes, ended, tooLong } of lines) {
      if (tooLong) throw new Error(`a line of ${path} is longer than 64MiB`)
      take(bytes, ended)
    }
  }
  const file = createReadStream(path, { highWaterMark: 256 * 1024 })
  if (onRead !== undefined) file.on('data', chunk => onRead(chunk.length))
  for await (const chunk of told(path, unpacked(path, file))) hand(splitter.push(chunk))
  hand(splitter.end())
}

/** What goes wrong with it names the file. */
async function* told(path: string, bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* bytes
  } catch (cause) {
    throw new Error(`${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

/** By its name, not by how it begins: a `.gz` that is none is damaged, and must not pass for a log without lines. */
function unpacked(path: string, file: Readable): Readable {
  if (!path.endsWith('.gz')) return file
  const gunzip = createGunzip({ chunkSize: 256 * 1024 })
  file.on('error', error => gunzip.destroy(error))
  gunzip.on('close', () => file.destroy())
  return file.pipe(gunzip)
}
