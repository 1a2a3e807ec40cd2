import { rm } from 'node:fs/promises'

/** The part of a tap test that support needs: what is started is stopped with the test. */
export interface Scope {
  teardown(stop: () => unknown): void
  /** Told of a secret that came out; without it, such a thing fails the whole file. */
  leaked?(error: Error): void
}

/** Removes a folder when the test has ended. */
export function removeLater(t: Scope, folder: string): void {
  t.teardown(() => rm(folder, { recursive: true, force: true }))
}
