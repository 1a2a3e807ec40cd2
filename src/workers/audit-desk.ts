import type { Sink } from '../audit/sinks/sink.ts'
import { Unfinished } from '../audit/unfinished.ts'
import type { AuditLines } from './messages.ts'

export interface AuditDeskOptions {
  readonly sinks: readonly Sink[]
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly onDropped: (sink: string, lines: number) => void
  readonly onError: (sink: string, error: Error) => void
  readonly onRecovered?: (sink: string) => void
}

/** Where the audit lines of all workers come together: whole lines, into sinks that this process alone has. */
export interface AuditDesk {
  /** Resolves when somebody is the keeper of the lines; where they are wanted now, when they are written. */
  take(worker: number, batch: Pick<AuditLines, 'lines' | 'now'>): Promise<void> | undefined
  /** The worker died: its requests that have begun in the log end there. */
  died(worker: number): void
  healthy(): boolean
  close(): Promise<void>
}

export function createAuditDesk({ sinks, now, onDropped, onError, onRecovered }: AuditDeskOptions): AuditDesk {
  for (const sink of sinks) {
    sink.attach({ dropped: lines => onDropped(sink.name, lines), failed: error => onError(sink.name, error), recovered: () => onRecovered?.(sink.name) })
  }
  const unfinished = new Map<number, Unfinished>()
  return {
    take(worker, batch) {
      const open = unfinished.get(worker) ?? new Unfinished()
      unfinished.set(worker, open)
      for (const line of batch.lines) open.note(line)
      if (batch.now) return Promise.all(batch.lines.flatMap(line => sinks.map(sink => sink.writeNow(line)))).then(() => {})
      for (const line of batch.lines) for (const sink of sinks) sink.write(line)
      return undefined
    },
    died(worker) {
      for (const line of unfinished.get(worker)?.end(now()) ?? []) for (const sink of sinks) sink.write(line)
      unfinished.delete(worker)
    },
    healthy: () => sinks.every(sink => sink.healthy()),
    async close() {
      await Promise.all(sinks.map(sink => sink.close()))
    },
  }
}
