import type { Answer, Ask, Ledger } from '../limits/ledger.ts'
import type { Channel } from './channel.ts'
import type { LedgerTurn, ToPrimary, ToWorker } from './messages.ts'

export interface RemoteLedgerOptions {
  readonly channel: Pick<Channel<ToWorker, ToPrimary>, 'open' | 'send' | 'on' | 'onGone'>
  /** Milliseconds that a request waits for the primary. */
  readonly patience?: number
}

export interface RemoteLedger extends Ledger {
  take(ask: Ask): Promise<Answer>
}

/** A limit that cannot be asked for is taken for reached: no flood gets through while the primary is busy. */
const unasked: Answer = { granted: false, code: 'TooManyInFlight', message: 'the limits of this caller cannot be asked for at the moment', retryAfter: 1 }

interface Waiting {
  readonly settle: (answer: Answer) => void
  readonly timer: NodeJS.Timeout
}

/**
 * The ledger of all workers is the primary's, so that a limit holds over all of them to the
 * request. What is asked and given back in one turn of the loop goes there in one message.
 */
export function createRemoteLedger({ channel, patience = 2_000 }: RemoteLedgerOptions): RemoteLedger {
  const waiting = new Map<number, Waiting>()
  /** Asks that were given up: what is granted to them goes back. While there are any, nobody else is kept waiting. */
  const late = new Map<number, Ask>()
  const send = createTurn(channel)
  let lastId = 0

  channel.on('answers', ({ answers }) => {
    for (const { id, answer } of answers) {
      const ask = late.get(id)
      if (ask !== undefined && answer.granted) send({ givenBack: [{ caller: ask.caller, kind: ask.kind }] })
      late.delete(id)
      settle(id, answer)
    }
  })
  channel.onGone(() => { for (const id of waiting.keys()) settle(id, unasked) })

  function settle(id: number, answer: Answer): void {
    const found = waiting.get(id)
    if (found === undefined) return
    waiting.delete(id)
    clearTimeout(found.timer)
    found.settle(answer)
  }

  return {
    take(ask) {
      if (!channel.open || late.size > 0) return Promise.resolve(unasked)
      const id = lastId += 1
      send({ asks: [{ id, ask }] })
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          late.set(id, ask)
          settle(id, unasked)
        }, patience)
        waiting.set(id, { settle: resolve, timer })
      })
    },
    giveBack: (caller, kind) => send({ givenBack: [{ caller, kind }] }),
  }
}

/** Collects until the loop turns. */
function createTurn(channel: RemoteLedgerOptions['channel']): (part: Partial<Pick<LedgerTurn, 'asks' | 'givenBack'>>) => void {
  let asks: LedgerTurn['asks'][number][] = []
  let givenBack: LedgerTurn['givenBack'][number][] = []
  let turn: NodeJS.Immediate | undefined
  const go = () => {
    turn = undefined
    channel.send({ kind: 'ledger', asks, givenBack })
    asks = []
    givenBack = []
  }
  return (part) => {
    asks.push(...part.asks ?? [])
    givenBack.push(...part.givenBack ?? [])
    turn ??= setImmediate(go)
  }
}
