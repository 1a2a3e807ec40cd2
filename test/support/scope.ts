/** The part of a tap test that support needs: what is started is stopped with the test. */
export interface Scope {
  teardown(stop: () => unknown): void
}
