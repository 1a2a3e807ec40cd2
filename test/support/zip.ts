import { open, type FileHandle } from 'node:fs/promises'
import { createReadStream, createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createInflateRaw } from 'node:zlib'

/** Writes one deflated member of a zip file to `destination`. No zip64, no encryption: APPNOTE.TXT 4.3.7, 4.3.12, 4.3.16. */
export async function unzipMember(archive: string, member: string, destination: string): Promise<void> {
  const { offset, size } = await findMember(archive, member)
  const deflated = createReadStream(archive, { start: offset, end: offset + size - 1 })
  await pipeline(deflated, createInflateRaw(), createWriteStream(destination, { mode: 0o755 }))
}

async function findMember(archive: string, member: string): Promise<{ offset: number, size: number }> {
  const file = await open(archive)
  try {
    const directory = await readDirectory(file)
    for (let at = 0; at < directory.length;) {
      const [nameSize, extraSize, commentSize] = [28, 30, 32].map((field) => directory.readUInt16LE(at + field)) as [number, number, number]
      if (directory.toString('utf8', at + 46, at + 46 + nameSize) === member) {
        const header = await readAt(file, directory.readUInt32LE(at + 42), 30)
        const offset = directory.readUInt32LE(at + 42) + 30 + header.readUInt16LE(26) + header.readUInt16LE(28)
        return { offset, size: directory.readUInt32LE(at + 20) }
      }
      at += 46 + nameSize + extraSize + commentSize
    }
    throw new Error(`no ${member} in ${archive}`)
  } finally {
    await file.close()
  }
}

/** The central directory, found by the record at the file's end. */
async function readDirectory(file: FileHandle): Promise<Buffer> {
  const { size } = await file.stat()
  const tail = await readAt(file, Math.max(0, size - 65_557), Math.min(size, 65_557))
  const at = tail.lastIndexOf('PK\x05\x06')
  if (at === -1) throw new Error('no end of central directory')
  return readAt(file, tail.readUInt32LE(at + 16), tail.readUInt32LE(at + 12))
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position)
  return buffer.subarray(0, bytesRead)
}
