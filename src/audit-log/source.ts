import { createReadStream } from 'node:fs'
import { Readable, pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'

/** Where bytes of a log come from. */
export interface LogSource {
  /** For people: a path, or `-` for stdin. */
  readonly name: string
  open(): AsyncIterable<Buffer>
}

export function fileSource(path: string): LogSource {
  return { name: path, open: () => createReadStream(path, { highWaterMark: 1024 ** 2 }) }
}

/** A stream can be read only once. */
export function streamSource(name: string, stream: AsyncIterable<Buffer | string>): LogSource {
  return {
    name,
    async* open() {
      for await (const chunk of stream) yield Buffer.from(chunk)
    },
  }
}

/**
 * What a source holds; unpacked where it begins as gzip does, whatever its name. `onBytes` hears how many
 * bytes were read, before they are unpacked. Throws what reading and unpacking throw, after all
 * that could be had.
 */
export async function* readChunks(source: LogSource, onBytes: (bytes: number) => void = () => {}): AsyncGenerator<Buffer, void, undefined> {
  const chunks = counted(source.open(), onBytes)
  try {
    const head = await headOf(chunks)
    yield* head[0] === 0x1f && head[1] === 0x8b ? unpacked(after(head, chunks)) : after(head, chunks)
  } finally {
    await chunks.return()
  }
}

/** As many chunks as it takes to tell what they are. */
async function headOf(chunks: AsyncIterator<Buffer, void>): Promise<Buffer> {
  const begin: Buffer[] = []
  for (let length = 0; length < 2;) {
    const { value, done } = await chunks.next()
    if (done === true) break
    begin.push(value)
    length += value.length
  }
  return Buffer.concat(begin)
}

async function* counted(chunks: AsyncIterable<Buffer>, onBytes: (bytes: number) => void): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of chunks) {
    onBytes(chunk.length)
    yield chunk
  }
}

async function* after(head: Buffer, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  if (head.length > 0) yield head
  yield* chunks
}

function unpacked(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  // An error of either reaches whoever reads the other; they hear it there.
  return pipeline(Readable.from(chunks), createGunzip({ chunkSize: 256 * 1024 }), () => {})
}
