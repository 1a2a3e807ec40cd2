import type { Answer, Ask, Kind, LocalLedger } from '../limits/ledger.ts'
import type { Answers, LedgerTurn } from './messages.ts'

/** Where all workers ask for what a caller may use. */
export interface LedgerDesk {
  take(worker: number, turn: Pick<LedgerTurn, 'asks' | 'givenBack'>): Answers['answers']
  /** What it held is given back. */
  died(worker: number): void
}

interface Held {
  readonly caller: string
  readonly kind: Kind
  count: number
}

export function createLedgerDesk(ledger: LocalLedger): LedgerDesk {
  const holders = new Map<number, Map<string, Held>>()

  function heldBy(worker: number, { caller, kind }: Pick<Ask, 'caller' | 'kind'>): Held {
    const all = holders.get(worker) ?? new Map<string, Held>()
    holders.set(worker, all)
    const key = `${kind} ${caller}`
    const held = all.get(key) ?? { caller, kind, count: 0 }
    all.set(key, held)
    return held
  }

  function take(worker: number, ask: Ask): Answer {
    const answer = ledger.take(ask)
    if (answer.granted) heldBy(worker, ask).count += 1
    return answer
  }

  return {
    take(worker, { asks, givenBack }) {
      for (const item of givenBack) {
        heldBy(worker, item).count -= 1
        ledger.giveBack(item.caller, item.kind)
      }
      return asks.map(({ id, ask }) => ({ id, answer: take(worker, ask) }))
    },
    died(worker) {
      for (const { caller, kind, count } of holders.get(worker)?.values() ?? []) {
        for (let i = 0; i < count; i += 1) ledger.giveBack(caller, kind)
      }
      holders.delete(worker)
    },
  }
}
