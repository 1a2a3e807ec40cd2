import { PassThrough } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { Sender } from '../../src/clusters/sender.ts'

export interface Asked {
  readonly method?: string
  readonly path: string
  readonly headers?: readonly string[]
  /** Milliseconds, see `Call`. */
  readonly patience?: number
}

export interface Answered {
  readonly statusCode: number
  readonly headers: readonly string[]
  readonly body: PassThrough & { text(): Promise<string> }
}

/** Sends one request; resolves at the head of its answer, whose body rejects or breaks off with the answer. */
export function ask(sender: Sender, { method = 'GET', path, headers = ['Host', 'api.example'], patience = 0 }: Asked): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const body = Object.assign(new PassThrough(), { text: () => textOf(body) })
    // Whoever does not read it hears nothing of its end.
    body.on('error', () => { /* told to whoever reads */ })
    sender.send({ method, target: path, headers, body: undefined, patience }, {
      onResponseStart(controller: Dispatcher.DispatchController, statusCode: number) {
        body.on('close', () => { if (!body.readableEnded) controller.abort(new Error('given up')) })
        resolve({ statusCode, headers: controller.rawHeaders as unknown as string[], body })
      },
      onResponseData(_: unknown, chunk: Buffer) { body.write(Buffer.from(chunk)) },
      onResponseEnd() { body.end() },
      onResponseError(_: unknown, error: Error) {
        reject(error)
        body.destroy(error)
      },
    })
  })
}

async function textOf(body: PassThrough): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of body) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
