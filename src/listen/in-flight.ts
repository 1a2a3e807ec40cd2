import type { Duplex } from 'node:stream'

/** Whether an answer is on its way: node:http keeps the response under way at its socket. */
export function inFlight(socket: Duplex): boolean {
  return ((socket as Duplex & { _httpMessage?: object | null })._httpMessage ?? undefined) !== undefined
}
