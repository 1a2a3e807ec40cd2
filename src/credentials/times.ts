/** What a Date can hold, in milliseconds to either side of 1970 (ECMA-262 §21.4.1.1). */
const farthest = 8.64e15

/**
 * A time that somebody else tells, in milliseconds since the epoch. Undefined for what is none or lies
 * beyond every date: it is let in nowhere, since whoever reckons with it or writes it down would fail.
 */
export function timeOf(milliseconds: number): number | undefined {
  // NaN is within nothing.
  return Math.abs(milliseconds) <= farthest ? milliseconds : undefined
}

/** As it stands in a log line. Never throws, as `toISOString` does. */
export function timestamp(milliseconds: number): string {
  return timeOf(milliseconds) === undefined ? 'a time beyond every date' : new Date(milliseconds).toISOString()
}
