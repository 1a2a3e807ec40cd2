import type { Readable } from 'node:stream'

export interface WatchEvent {
  readonly type: string
  /** To go on from; undefined where the object does not say. */
  readonly version: string | undefined
  /** Of the Status in an ERROR; else 0. */
  readonly code: number
}

/** Characters; metadata of one object, with whatever annotations it carries, stays far below. */
const longestLine = 4 << 20

/** The events of a watch, one JSON document a line. Throws for a line that is none, or too long. */
export async function* readEvents(body: Readable): AsyncGenerator<WatchEvent> {
  let rest = ''
  // A character cut in two is spoilt, but only in a name: all that is read is ASCII.
  for await (const piece of body) {
    const lines = (rest + String(piece)).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > longestLine) throw new Error('a watch event is too long')
    for (const line of lines) {
      if (line.trim() !== '') yield readEvent(line)
    }
  }
}

interface WireEvent {
  readonly type?: string
  readonly object?: { readonly code?: number, readonly metadata?: { readonly resourceVersion?: string } }
}

function readEvent(line: string): WatchEvent {
  const { type = '', object } = parseJson(line) as WireEvent
  const code: unknown = object?.code
  return { type, version: object?.metadata?.resourceVersion, code: typeof code === 'number' ? code : 0 }
}

/** Throws an Error that, unlike JSON.parse's own, repeats nothing of what an API server sent. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('what the API server sent is no JSON')
  }
}
