import type { Http2Stream } from 'node:http2'

/**
 * Resets a stream of which something was still to be sent. node:http2 by itself ends it first: with an END_STREAM, by
 * which what was cut off is whole to whoever reads it, and the reset behind it means nothing (RFC 9113 §8.1).
 */
export function resetStream(stream: Http2Stream, code: number): void {
  if (!stream.writableEnded) stream._final = (done) => { done() }
  stream.close(code)
}
