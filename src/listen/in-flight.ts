import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * Goes on when nothing of an answer is left to be said on a connection: at once, or when one that was said whole has
 * been written, which node:http hears a turn of the event loop later, when the caller may have it and have sent what
 * comes next. `busy`: an answer is on its way, and whatever is said now would be taken for a part of it; or it was the
 * connection's last, and what came behind it is no request any more.
 */
export function afterAnswers(socket: Duplex, free: () => void, busy: () => void): void {
  // node:http keeps the response under way at its socket.
  const answer = (socket as Duplex & { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined
  if (answer === undefined) free()
  else if (answer.writableEnded) answer.once('close', () => socket.writable ? afterAnswers(socket, free, busy) : busy())
  else busy()
}
