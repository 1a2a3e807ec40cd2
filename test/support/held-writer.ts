import type { LineWriter } from '../../src/audit/sinks/line-writer.ts'
import { Queue } from './queue.ts'

export interface HeldWrite {
  readonly text: string
  finish(): void
  fail(error: Error): void
}

/** A writer whose every write waits for the test to say how it goes. */
export class HeldWriter implements LineWriter {
  readonly writes = new Queue<HeldWrite>()
  closed = false

  write(chunk: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.writes.put({ text: chunk.toString(), finish: resolve, fail: reject })
    })
  }

  close(): Promise<void> {
    this.closed = true
    return Promise.resolve()
  }
}
