/**
 * Puts one thing in force after the other: of two at once the older one could be done last.
 * Each is asked for when its turn comes; one that fails holds nobody up.
 */
export function createInTurn<T>(put: (next: T) => Promise<void>): (wanted: () => T) => Promise<void> {
  let last: Promise<void> = Promise.resolve()
  return (wanted) => {
    const done = last.then(() => put(wanted()))
    last = done.catch(() => {})
    return done
  }
}
