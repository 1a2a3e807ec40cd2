import { StringDecoder } from 'node:string_decoder'
import { asFields } from '../../json-fields.ts'
import { failureOf, readObject, type ApiObject } from './api.ts'

export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  readonly object: ApiObject
}

/** Characters; an object with its status stays below what etcd takes. */
const longestLine = 8 << 20

/** The events of a watch, one JSON document a line. Throws ApiFailure for an ERROR among them, and an Error for a line that is none. */
export async function* readStoreEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<StoreEvent> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const piece of body) {
    const lines = (rest + decoder.write(Buffer.from(piece))).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > longestLine) throw new Error('an event of the callers\' watch is too long')
    for (const line of lines) if (line.trim() !== '') yield readEvent(line)
  }
}

function readEvent(line: string): StoreEvent {
  const { type, object } = asFields(parseLine(line))
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED': return { type, object: readObject(object) }
    case 'BOOKMARK': return { type, object: bookmark(object) }
    case 'ERROR': {
      const { code } = asFields(object)
      throw failureOf(typeof code === 'number' ? code : 500, object)
    }
    default: throw new Error('the API server sent an event of an unknown type')
  }
}

/** It names a version alone. */
function bookmark(value: unknown): ApiObject {
  const { resourceVersion } = asFields(asFields(value)['metadata'])
  if (typeof resourceVersion !== 'string') throw new Error('the API server sent a bookmark without a version')
  return { metadata: { name: '', uid: '', resourceVersion } }
}

/** Throws an Error that repeats nothing of what was sent. */
function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    throw new Error('what the API server sent is no JSON')
  }
}
