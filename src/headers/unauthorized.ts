/** A 401 of the API server is a Status of some 200 bytes. */
export const largestStatus = 16_384

/** What an encoded Status begins with (k8s.io/apimachinery pkg/runtime/serializer/protobuf). */
const protobufMagic = Buffer.from('k8s\0')

/**
 * Whether the body of a 401 is the API server's own Status, which is about our credential, and not
 * the answer of a program behind services/proxy and its like, which is about that program's users.
 */
export function isApiServers401(body: Buffer): boolean {
  if (body.subarray(0, protobufMagic.length).equals(protobufMagic)) return true
  try {
    const status = JSON.parse(body.toString()) as { kind?: unknown, code?: unknown } | null
    return status?.kind === 'Status' && status.code === 401
  } catch {
    return false
  }
}
