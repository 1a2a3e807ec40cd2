import { readFileSync } from 'node:fs'
import type { Fetched } from '../../src/clusters/cluster.ts'

const folder = new URL('../cache/captures/', import.meta.url)

/**
 * What an API server (Kubernetes 1.36) answered. It was recorded over HTTP/2, which
 * has no chunks: those are put back where there was no length.
 */
export function capturedAnswer(name: string): Fetched {
  const [statusLine = '', ...lines] = readFileSync(new URL(`${name}.headers`, folder), 'latin1').trim().split(/\r?\n/)
  const headers = lines.flatMap((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()])
  const status = Number(statusLine.split(' ')[1])
  const framed = headers.includes('content-length') || status === 304 ? headers : [...headers, 'transfer-encoding', 'chunked']
  return { status, headers: framed, body: status === 304 ? Buffer.alloc(0) : readFileSync(new URL(`${name}.body`, folder)) }
}

export interface CapturedRequest {
  readonly url: string
  readonly headers: string[]
  /** Of the answer it got. */
  readonly contentType: string
}

/** The discovery requests of one `kubectl apply` with an empty cache. */
export function capturedRequests(client: 'kubectl-1.27' | 'kubectl-1.33'): CapturedRequest[] {
  const lines = readFileSync(new URL(`${client}-requests.jsonl`, folder), 'utf8').trim().split('\n')
  return lines.map((line) => JSON.parse(line) as CapturedRequest)
}
