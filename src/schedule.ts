/** Runs once after so many milliseconds; returns the way to call it off. */
export type Schedule = (ms: number, run: () => void) => () => void

/** By a timer that keeps no process alive. */
export function scheduleUnreferenced(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms).unref()
  return () => clearTimeout(timer)
}
