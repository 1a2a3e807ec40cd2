interface Turn {
  over: boolean
  next: (() => void) | undefined
}

interface Line {
  latest: Turn
  waiting: number
}

interface Connection {
  readonly writable: boolean
  destroy(): void
}

/** `begin` gets what to call when the request has been answered. */
export type InTurn = (socket: Connection, begin: (over: () => void) => void) => void

/** Far more than any client sends in advance (RFC 9112 §9.3.2). Each is held in memory, and behind a watch for as long as that lasts. */
const mostWaiting = 100

/**
 * Lets the requests of one HTTP/1.1 connection begin one after the other. node hands a
 * pipelined one over while the one before is still being answered; if that answer
 * turns out to be the connection's last, what came behind it is no request any more.
 */
export function createTurns(): InTurn {
  const lines = new WeakMap<Connection, Line>()
  return function take(socket, begin) {
    const turn: Turn = { over: false, next: undefined }
    const run = () => {
      if (!socket.writable) return
      begin(() => {
        turn.over = true
        const { next } = turn
        // Kept, each would lead to the one behind it: a chain of all requests of a connection.
        turn.next = undefined
        next?.()
      })
    }
    const line = lines.get(socket)
    if (line === undefined) {
      lines.set(socket, { latest: turn, waiting: 0 })
      return run()
    }
    const before = line.latest
    line.latest = turn
    if (before.over) return run()
    if (line.waiting >= mostWaiting) return socket.destroy()
    line.waiting += 1
    before.next = () => {
      line.waiting -= 1
      run()
    }
  }
}
