const first = 1000

/** Milliseconds until the next attempt: a second after the first failure, twice as long after each further one, `slowest` at most. */
export function backOff(failures: number, slowest: number): number {
  return Math.min(first * 2 ** (failures - 1), slowest)
}
