import { createChain } from '../../src/audit-log/chain.ts'
import { toEvent, toLine } from '../../src/audit/event.ts'
import { arrival, resolved } from './builders.ts'

/** So many lines of an audit file, with their links and without their line breaks; the same ones each time. */
export function chained(count: number): Buffer[] {
  const lines = Array.from({ length: count }, (_, i) => `${eventLine(`id-${i}`)}\n`)
  const { bytes, lines: places } = createChain().link(Buffer.from(lines.join('')))
  return places.map(({ start, end }) => bytes.subarray(start, end))
}

/** The line of an event as a sink gets it. */
export function eventLine(auditId: string): string {
  const outcome = { status: 200, ending: 'complete' as const, bytesOut: 1 }
  return toLine(toEvent({ arrival: arrival({ auditId }), facts: { resolved: resolved(), cluster: 'prod' }, stage: 'ResponseComplete', level: 'Metadata', at: 1_000, stream: false, outcome }, []), [])
}
