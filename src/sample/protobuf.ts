/** One field of a message as it is on the wire. */
export interface Field {
  readonly number: number
  readonly value: number | Buffer
}

/** What the API server's protobuf bodies begin with. */
const magic = Buffer.from('k8s\0')

/** Reads a message of varints and length-delimited fields; throws RangeError where it is cut off or otherwise. */
export function readFields(bytes: Buffer): Field[] {
  const fields: Field[] = []
  let offset = 0
  const varint = () => {
    let value = 0
    for (let power = 1; power < 2 ** 63; power *= 128) {
      const byte = bytes.readUInt8(offset)
      offset += 1
      value += (byte & 0x7f) * power
      if (byte < 0x80) return value
    }
    throw new RangeError('the number is too long')
  }
  while (offset < bytes.length) {
    const key = varint()
    const number = Math.floor(key / 8)
    if (key % 8 === 0) {
      fields.push({ number, value: varint() })
      continue
    }
    if (key % 8 !== 2) throw new RangeError(`wire type ${key % 8} is not expected`)
    const length = varint()
    if (offset + length > bytes.length) throw new RangeError('the message is cut off')
    fields.push({ number, value: bytes.subarray(offset, offset + length) })
    offset += length
  }
  return fields
}

/** The last bytes of a field, none where it is missing. */
export function bytesOf(fields: readonly Field[], number: number): Buffer {
  const value = fields.findLast((field) => field.number === number)?.value
  return Buffer.isBuffer(value) ? value : Buffer.alloc(0)
}

/** The envelope around every Kubernetes object, `runtime.Unknown`: what it is, and its bytes. */
export function unwrapped(body: Buffer): { readonly apiVersion: string; readonly kind: string; readonly raw: Buffer } {
  if (!body.subarray(0, magic.length).equals(magic)) throw new RangeError('the body does not begin with k8s and a zero byte')
  const envelope = readFields(body.subarray(magic.length))
  const type = readFields(bytesOf(envelope, 1))
  return { apiVersion: bytesOf(type, 1).toString(), kind: bytesOf(type, 2).toString(), raw: bytesOf(envelope, 2) }
}
