import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { rawHead } from '../headers/raw-head.ts'
import { headerValue } from '../headers/read.ts'
import type { Ending } from '../model/trail.ts'
import { closed, closeFlushed } from './linger.ts'

export interface RelayOptions {
  readonly response: IncomingMessage
  readonly caller: Duplex
  /** Both upstream's, made fit for the caller; framing is added here. */
  readonly reason: string
  readonly headers: readonly string[]
  /** Its reason becomes the ending; the relay itself aborts it when the caller leaves. */
  readonly stop: AbortController
  /** Milliseconds to wait for the caller to close its side. */
  readonly lingerMs?: number
}

export interface Ended {
  readonly ending: Ending
  readonly bytesOut: number
}

/**
 * Hands an answer that is no 101 to the caller, whole, and closes. From here on both
 * connections are dead: what the caller still sends is read and thrown away, for it
 * would reach upstream under our credential and unjudged (CVE-2018-1002105).
 */
export async function relay({ response, caller, reason, headers, stop, lingerMs = 1000 }: RelayOptions): Promise<Ended> {
  const status = response.statusCode ?? 502
  const framing = framingOf(status, headers)
  const head = rawHead(status, reason, [...headers, ...framing.headers, 'Connection', 'close'])
  const left = () => stop.abort('caller-left')
  const cut = () => { response.destroy() }
  caller.on('end', left)
  caller.on('close', left)
  stop.signal.addEventListener('abort', cut)
  caller.resume()
  caller.write(head)
  let bytesOut = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytesOut += chunk.length
      if (!caller.write(framing.frame(chunk))) await once(caller, 'drain', { signal: stop.signal })
    }
  } catch {
    // No last chunk and too few bytes: nobody takes this answer for complete.
    caller.destroy()
    return { ending: endingOf(stop.signal, caller), bytesOut }
  } finally {
    caller.off('end', left)
    caller.off('close', left)
    stop.signal.removeEventListener('abort', cut)
  }
  caller.write(framing.last)
  closeFlushed(caller, lingerMs)
  // A caller may take its time, but not where its key is gone.
  const revoke = () => { if (stop.signal.reason === 'revoked') caller.destroy() }
  stop.signal.addEventListener('abort', revoke)
  await closed(caller)
  stop.signal.removeEventListener('abort', revoke)
  return { ending: caller.writableFinished ? 'complete' : endingOf(stop.signal, caller, 'caller-left'), bytesOut }
}

function endingOf(signal: AbortSignal, caller: Duplex, otherwise: Ending = 'upstream-failed'): Ending {
  if (signal.aborted) return signal.reason as Ending
  return caller.errored ? 'caller-left' : otherwise
}

interface BodyFraming {
  readonly headers: readonly string[]
  frame(chunk: Buffer): Buffer
  readonly last: Buffer
}

const asItIs: BodyFraming = { headers: [], frame: chunk => chunk, last: Buffer.alloc(0) }

/** Where the end of the body would be the end of the connection, a cut one would look whole. */
const chunked: BodyFraming = {
  headers: ['Transfer-Encoding', 'chunked'],
  frame: chunk => Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]),
  last: Buffer.from('0\r\n\r\n'),
}

function framingOf(status: number, headers: readonly string[]): BodyFraming {
  const bodyless = status === 204 || status === 304
  return bodyless || headerValue(headers, 'content-length') !== undefined ? asItIs : chunked
}
