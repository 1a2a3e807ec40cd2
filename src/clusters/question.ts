import { ProxyError } from '../errors.ts'
import { parseFields, type Fields } from '../json-fields.ts'
import type { Cluster } from './cluster.ts'

export interface QuestionOptions {
  readonly signal: AbortSignal
  /** Sent as JSON, by POST; undefined: a GET. */
  readonly body?: object
}

/** Of lists: some hundred objects. */
const maxSize = 8 << 20

/** `absent`: it does not know the question. `odd`: it may not be asked, or not now, or something else answers in its place. */
export type NoAnswer = 'absent' | 'odd'

/**
 * A question of our own to an API server. Resolves with the object it answers; undefined where it
 * does not tell (4xx, rubbish). Rejects where that may pass: it is to be asked again.
 */
export async function askObject(fetch: Cluster['fetch'], target: string, options: QuestionOptions): Promise<Fields | undefined> {
  const answer = await ask(fetch, target, options)
  return typeof answer === 'string' ? undefined : answer
}

/** The same, and why there is no answer. */
export async function ask(fetch: Cluster['fetch'], target: string, { signal, body }: QuestionOptions): Promise<Fields | NoAnswer> {
  const headers = ['Accept', 'application/json', ...body === undefined ? [] : ['Content-Type', 'application/json']]
  const sent = body === undefined ? {} : { method: 'POST' as const, body: JSON.stringify(body) }
  const answer = await fetch(target, headers, { ...sent, maxSize, signal })
  if (answer.status === 408 || answer.status === 429 || answer.status >= 500) {
    throw new ProxyError('BadUpstream', `the API server answered ${answer.status} to a question of Portcullis itself`)
  }
  if (answer.status === 404) return 'absent'
  if (answer.status !== 200 && answer.status !== 201) return 'odd'
  return parseFields(answer.body) ?? (isJson(answer.body) ? 'absent' : 'odd')
}

function isJson(body: Buffer): boolean {
  try {
    JSON.parse(body.toString())
    return true
  } catch {
    return false
  }
}

/** What of a list is text; undefined where it is no list, or holds something else. A list that is left out is empty. */
export function asTexts(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return []
  return Array.isArray(value) && value.every(item => typeof item === 'string') ? value : undefined
}
