import type { Output } from './output.ts'

export interface Watched extends Output {
  readonly isTTY?: boolean
}

/** Milliseconds until somebody who looks on is told what is waited for. */
export const silence = 2000

/** Waits, and says for what where it takes long and somebody is looking. */
export async function saying<T>(promise: Promise<T>, what: string, stderr: Watched, silent = silence): Promise<T> {
  if (stderr.isTTY !== true) return promise
  const timer = setTimeout(() => stderr.write(`${what}\n`, () => {}), silent)
  return promise.finally(() => clearTimeout(timer))
}
