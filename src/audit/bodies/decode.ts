import { gunzipSync } from 'node:zlib'
import { parse as parseYaml } from 'yaml'
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

/** Whether it is read at no cost to speak of. */
export function isJson(headers: readonly string[]): boolean {
  return jsonForm.test(mediaType(headers))
}

/** Reads JSON and YAML, also packed by gzip, as the API server takes and sends them; what else it speaks (protobuf, CBOR) is named. */
export function decodeBody(copy: BodyCopy, headers: readonly string[]): Decoded {
  const { maxSize } = copy
  const bytes = copy.bytes()
  if (bytes === undefined) return { kind: 'too-large', maxSize }
  if (bytes.length === 0) return { kind: 'empty' }
  const type = mediaType(headers)
  const read = readers.find(({ pattern }) => pattern.test(type))
  if (read === undefined) return { kind: 'unreadable', why: mediaTypeForm.test(type) ? `it is ${type}` : 'its media type is unknown' }
  const encoding = headerValue(headers, 'content-encoding') ?? 'identity'
  if (encoding !== 'identity' && encoding !== 'gzip') return { kind: 'unreadable', why: 'it is packed in another way than gzip' }
  try {
    const text = (encoding === 'gzip' ? gunzipSync(bytes, { maxOutputLength: maxSize }) : bytes).toString()
    const value = read.parse(text)
    // An object, or the steps of a JSON Patch.
    return typeof value === 'object' && value !== null ? { kind: 'object', value } : { kind: 'unreadable', why: 'it is no object' }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return { kind: 'too-large', maxSize }
    return { kind: 'unreadable', why: error instanceof Unread ? error.message : 'it is not what its media type says' }
  }
}

const jsonForm = /^application\/(?:[a-z.-]+\+)?json$/
const mediaTypeForm = /^[a-z0-9!#$&^_.+-]{1,60}\/[a-z0-9!#$&^_.+-]{1,60}$/

/** JSON is the API server's own default. */
function mediaType(headers: readonly string[]): string {
  return (headerValue(headers, 'content-type') ?? 'application/json').replace(/;.*$/s, '').trim().toLowerCase()
}

/** Characters: YAML takes so long that a larger one would hold up everybody. */
const longestYaml = 8192

/** What kubectl applies is JSON, whatever it calls it. Aliases are none that an API object has: a small text may stand for a large one. */
function readYaml(text: string): unknown {
  if (text.startsWith('{')) {
    try {
      return JSON.parse(text)
    } catch {
      // A mapping of YAML may begin so, too.
    }
  }
  if (text.length > longestYaml) throw new Unread(`it is YAML of more than ${longestYaml} characters`)
  return parseYaml(text, { maxAliasCount: 0, logLevel: 'silent' })
}

class Unread extends Error {}

const readers: readonly { readonly pattern: RegExp, readonly parse: (text: string) => unknown }[] = [
  { pattern: jsonForm, parse: text => JSON.parse(text) as unknown },
  { pattern: /^application\/(?:[a-z.-]+\+)?yaml$/, parse: readYaml },
]
