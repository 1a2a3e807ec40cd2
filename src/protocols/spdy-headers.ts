import type { Inflate } from 'node:zlib'
import { constants, createInflate, inflateSync } from 'node:zlib'

const names = `options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow
authorization cache-control connection content-base content-encoding content-language content-length content-location content-md5
content-range content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since
last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer
transfer-encoding upgrade user-agent vary via warning www-authenticate method get status|200 OK|version HTTP/1.1 url public
set-cookie keep-alive origin`.split('|').flatMap((part) => (part === '200 OK' ? [part] : part.split(/\s+/)))

const tail = '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505'
  + '203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found'
  + '500 Internal Server Error501 Not Implemented503 Service Unavailable'
  + 'Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT'
  + 'chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivate'
  + 'max-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.'

/** The dictionary of SPDY/3, section 2.6.10.1: common names with their lengths, then common values run together. */
export const dictionary = Buffer.concat([...names.flatMap((name) => [uint32(name.length), Buffer.from(name)]), Buffer.from(tail)])

const largestBlock = 16 * 1024

/** Reads the header blocks of a connection, which are one zlib stream from the first to the last. */
export class HeaderReader {
  readonly #inflate: Inflate = createInflate({ dictionary, finishFlush: constants.Z_SYNC_FLUSH })

  async read(block: Buffer): Promise<ReadonlyMap<string, string>> {
    if (block.length > largestBlock) throw new RangeError('the header block is too large')
    await new Promise<void>((resolve, reject) => {
      // On a fault zlib never calls back: it says so by the event alone.
      this.#inflate.once('error', reject)
      this.#inflate.write(block, () => {
        this.#inflate.off('error', reject)
        resolve()
      })
    })
    const plain = this.#inflate.read() as Buffer | null
    return pairs(plain ?? Buffer.alloc(0))
  }

  close(): void {
    this.#inflate.destroy()
  }
}

/**
 * All of a connection that are read at once: an exec has five, of some twenty bytes. zlib's state cannot
 * be kept between two synchronous calls, so each inflates what came before it as well, and it is these
 * bounds together that keep a caller from holding the event loop with small openings.
 */
export const mostBlocks = 100
const mostPacked = 8 * 1024
const mostPlain = 64 * 1024

/** The same at once and without a thread, for few and small blocks. */
export class HeaderBlocks {
  #packed = Buffer.alloc(0)
  #plainBytes = 0
  #blocks = 0

  /** Throws RangeError, or what zlib throws; after that the connection cannot be read any further. */
  read(block: Buffer): ReadonlyMap<string, string> {
    this.#blocks += 1
    if (this.#blocks > mostBlocks || this.#packed.length + block.length > mostPacked) throw new RangeError('the header blocks are too many')
    this.#packed = Buffer.concat([this.#packed, block])
    const plain = inflateSync(this.#packed, { dictionary, finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: mostPlain })
    const fresh = plain.subarray(this.#plainBytes)
    this.#plainBytes = plain.length
    return pairs(fresh)
  }
}

function pairs(plain: Buffer): Map<string, string> {
  let offset = 4
  const next = () => {
    const length = plain.readUInt32BE(offset)
    offset += 4 + length
    if (offset > plain.length) throw new RangeError('the header block is cut off')
    return plain.toString('latin1', offset - length, offset)
  }
  const headers = new Map<string, string>()
  const count = plain.readUInt32BE(0)
  for (let place = 0; place < count; place += 1) headers.set(next(), next())
  // Go would read it as the beginning of the next block.
  if (offset < plain.length) throw new RangeError('the header block has more than it says')
  return headers
}

/**
 * Writes header blocks without a header, which is all that replies to streams
 * have: a stored block needs no compressor, only the head of the stream before
 * the first. The empty block after it is what a flush leaves: Go hands out
 * nothing before it has read that.
 */
export class EmptyHeaderWriter {
  #first = true

  next(): Buffer {
    const stored = Buffer.from([0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])
    const head = this.#first ? Buffer.concat([Buffer.from([0x78, 0xf9]), uint32(adler32(dictionary))]) : Buffer.alloc(0)
    this.#first = false
    return Buffer.concat([head, stored])
  }
}

function adler32(bytes: Buffer): number {
  const modulus = 65_521
  let a = 1
  let b = 0
  for (const byte of bytes) {
    a = (a + byte) % modulus
    b = (b + a) % modulus
  }
  return b * 65_536 + a
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
