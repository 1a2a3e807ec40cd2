import type { Test } from 'tap'
import { Agent, request, type Dispatcher } from 'undici'
import { makeAuthority } from '../../src/sample/certificate.ts'
import { createSampleCluster, type SampleCluster, type SampleOptions } from '../../src/sample/cluster.ts'
import type { JsonObject } from '../../src/sample/json.ts'

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>
  /** An object goes as JSON. */
  readonly body?: object | string
  readonly type?: string
}

export interface Called {
  readonly status: number
  readonly headers: Dispatcher.ResponseData['headers']
  readonly text: string
  /** The body as JSON, an empty object where it is none. */
  readonly json: JsonObject
}

/** A sample cluster and a client of it that has the token. */
export interface TestSample {
  readonly sample: SampleCluster
  readonly ca: string
  readonly token: string
  call(method: string, path: string, options?: CallOptions): Promise<Called>
  /** The lines of a stream, one by one. */
  lines(path: string, headers?: Readonly<Record<string, string>>): Promise<AsyncGenerator<string>>
}

const token = 'sample-token'
const authority = makeAuthority({ days: 1 })
const certificate = authority.issue(['localhost', '127.0.0.1', '::1'])

export async function startSample(t: Test, options: Partial<SampleOptions> = {}): Promise<TestSample> {
  const sample = await createSampleCluster({ token, certificate, ...options })
  const agent = new Agent({ connect: { ca: authority.ca }, bodyTimeout: 20_000 })
  t.teardown(async () => {
    await agent.destroy()
    await sample.close()
  })
  const send = (method: string, path: string, headers: Readonly<Record<string, string>>, body: string | null) =>
    request(`${sample.url}${path}`, { method, dispatcher: agent, headers: { authorization: `Bearer ${token}`, ...headers }, body })
  return {
    sample,
    ca: authority.ca,
    token,
    call: async (method, path, { headers = {}, body, type = 'application/json' } = {}) => {
      const sent = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
      const answer = await send(method, path, { ...sent !== undefined && { 'content-type': type }, ...headers }, sent ?? null)
      const text = await answer.body.text()
      const isJson = String(answer.headers['content-type']).startsWith('application/json') && answer.headers['content-encoding'] === undefined
      return { status: answer.statusCode, headers: answer.headers, text, json: isJson && text !== '' ? JSON.parse(text) as JsonObject : {} }
    },
    lines: async (path, headers = {}) => linesOf((await send('GET', path, headers, null)).body),
  }
}

async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let left = ''
  for await (const chunk of chunks) {
    const lines = `${left}${chunk.toString()}`.split('\n')
    left = lines.pop() ?? ''
    yield* lines
  }
}
