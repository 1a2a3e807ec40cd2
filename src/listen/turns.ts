interface Turn {
  over: boolean
  next: (() => void) | undefined
}

/** `begin` gets what to call when the request has been answered. */
export type TakeTurn = (socket: { readonly writable: boolean }, begin: (over: () => void) => void) => void

/**
 * Lets the requests of one HTTP/1.1 connection begin one after the other. node hands a
 * pipelined one over while the one before is still being answered; if that answer
 * turns out to be the connection's last, what came behind it is no request any more.
 */
export function createTurns(): TakeTurn {
  const latest = new WeakMap<object, Turn>()
  return function take(socket, begin) {
    const before = latest.get(socket)
    const turn: Turn = { over: false, next: undefined }
    latest.set(socket, turn)
    const start = () => {
      if (!socket.writable) return
      begin(() => {
        turn.over = true
        turn.next?.()
      })
    }
    if (before === undefined || before.over) start()
    else before.next = start
  }
}
