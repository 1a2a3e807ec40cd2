import type { watchFiles } from '../../src/files/watch.ts'

/** A watch whose changes the test tells of itself. */
export function handWatch() {
  const state = { change: () => undefined as void, closed: false, paths: [] as readonly string[] }
  const watch: typeof watchFiles = async (paths, onChange) => {
    Object.assign(state, { change: onChange, paths })
    return { close: () => { state.closed = true } }
  }
  return { state, watch }
}
