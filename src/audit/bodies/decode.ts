import { gunzipSync } from 'node:zlib'
import { headerValue } from '../../headers/read.ts'
import type { BodyCopy } from './copy.ts'

/** A body as JSON has it, or why there is none. */
export type Decoded =
  | { readonly kind: 'object', readonly value: unknown }
  /** Nothing was sent. */
  | { readonly kind: 'empty' }
  /** Larger than the bound, packed or not. */
  | { readonly kind: 'too-large', readonly maxSize: number }
  /** Not to be read: `why` in words, without anything of the body. */
  | { readonly kind: 'unreadable', readonly why: string }

/** Reads a request's body. The API server unpacks none, whatever its Content-Encoding says. */
export function decodeRequest(copy: BodyCopy, headers: readonly string[]): Decoded {
  return decode(copy, mediaType(headers), bytes => bytes)
}

/** Reads an answer's body, which comes packed by gzip where it is large and the caller takes that. */
export function decodeAnswer(copy: BodyCopy, headers: readonly string[]): Decoded {
  switch (headerValue(headers, 'content-encoding') ?? 'identity') {
    case 'identity': return decode(copy, mediaType(headers), bytes => bytes)
    case 'gzip': return decode(copy, mediaType(headers), bytes => gunzipSync(bytes, { maxOutputLength: copy.maxSize }))
    default: return { kind: 'unreadable', why: 'it is packed in another way than gzip' }
  }
}

/**
 * JSON alone. What is applied is mostly JSON, whatever it is called; real YAML takes long to read and does not read alike
 * here and there, so that it is named, as protobuf and CBOR are.
 */
function decode(copy: BodyCopy, type: string, unpack: (bytes: Buffer) => Buffer): Decoded {
  const bytes = copy.bytes()
  if (bytes === undefined) return { kind: 'too-large', maxSize: copy.maxSize }
  if (bytes.length === 0) return { kind: 'empty' }
  if (!readable.test(type)) return { kind: 'unreadable', why: mediaTypeForm.test(type) ? `it is ${type}` : 'its media type is unknown' }
  try {
    const value = JSON.parse(unpack(bytes).toString()) as unknown
    // An object, or the steps of a JSON Patch.
    return typeof value === 'object' && value !== null ? { kind: 'object', value } : { kind: 'unreadable', why: 'it is no object' }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return { kind: 'too-large', maxSize: copy.maxSize }
    return { kind: 'unreadable', why: type.endsWith('yaml') ? `it is ${type}` : 'it is not what its media type says' }
  }
}

const readable = /^application\/(?:[a-z.-]+\+)?(?:json|yaml)$/
const mediaTypeForm = /^[a-z0-9!#$&^_.+-]{1,60}\/[a-z0-9!#$&^_.+-]{1,60}$/

/** JSON is the API server's own default. */
function mediaType(headers: readonly string[]): string {
  return (headerValue(headers, 'content-type') ?? 'application/json').replace(/;.*$/s, '').trim().toLowerCase()
}
