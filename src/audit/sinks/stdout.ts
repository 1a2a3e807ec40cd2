import type { Writable } from 'node:stream'
import { LineQueue } from './line-queue.ts'
import type { LineQueueOptions } from './line-queue.ts'
import type { LineWriter } from './line-writer.ts'
import type { Sink } from './sink.ts'

export interface StdoutSinkOptions extends LineQueueOptions {
  /** Default: `process.stdout`. */
  readonly stream?: Writable
}

/**
 * Lines to standard output. Written through the stream, not through the file
 * descriptor: on a pipe that nobody reads a threadpool write would hold up the end
 * of the process, and Node's stream does not.
 */
export function createStdoutSink({ stream = process.stdout, ...queue }: StdoutSinkOptions = {}): Sink {
  return new LineQueue('stdout', streamWriter(stream), queue)
}

function streamWriter(stream: Writable): LineWriter {
  // Without a listener a reader that went away (EPIPE) would end the process; the write's own callback tells, too.
  const ignore = () => {}
  stream.on('error', ignore)
  return {
    write: chunk => new Promise((resolve, reject) => {
      stream.write(chunk, (error) => {
        if (error) reject(error)
        else resolve()
      })
    }),
    // Standard output is not ours to end.
    close: () => {
      stream.off('error', ignore)
      return Promise.resolve()
    },
  }
}
