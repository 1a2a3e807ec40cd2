/** One message: the bytes of each length-delimited field by its number. Other wire types are skipped. */
export type Message = ReadonlyMap<number, Buffer>

/** What the API server's protobuf bodies begin with. */
const magic = Buffer.from('k8s\0')

/** Reads a message; throws RangeError where it is cut off or malformed. */
export function readMessage(bytes: Buffer): Message {
  const fields = new Map<number, Buffer>()
  let offset = 0
  const varint = () => {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = bytes.readUInt8(offset)
      offset += 1
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new RangeError('the number is too long')
  }
  while (offset < bytes.length) {
    const key = varint()
    const wire = key & 7
    if (wire === 0) varint()
    else if (wire !== 2) throw new RangeError(`wire type ${wire} is not expected`)
    else {
      const length = varint()
      if (offset + length > bytes.length) throw new RangeError('the message is cut off')
      fields.set(key >>> 3, bytes.subarray(offset, offset + length))
      offset += length
    }
  }
  return fields
}

/** The object in a Kubernetes protobuf body: runtime.Unknown holds it as field 2. */
export function unwrapped(body: Buffer): Message {
  if (!body.subarray(0, magic.length).equals(magic)) throw new RangeError('the body does not begin with k8s and a zero byte')
  return readMessage(readMessage(body.subarray(magic.length)).get(2) ?? Buffer.alloc(0))
}
