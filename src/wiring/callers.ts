import type { Logger } from 'pino'
import type { Callers } from '../callers/callers.ts'
import { createFileCallers } from '../callers/file-store.ts'
import type { Config } from '../config/config.ts'
import type { Changeable, Prepared } from './prepared.ts'
import { reportReload } from './report-reload.ts'

/** `prepare` reads other files where the config now names others. */
export type CallersWiring = Callers & Changeable

const unchanged: Prepared = { commit() {}, discard() {} }

/** The callers of the config. What holds on to this sees every reload. */
export async function wireCallers(config: Config, log: Logger, onReload: (ok: boolean) => void): Promise<CallersWiring> {
  const listeners = new Set<(since?: number) => void>()
  const changed = (since?: number) => { for (const listener of listeners) listener(since) }
  const open = async ({ callers: { paths }, clusters }: Config): Promise<Callers> => {
    const store = await createFileCallers({
      paths, clusters: clusters.map(({ name }) => name), report: outcome => reportReload(outcome, log, 'callers', onReload),
    })
    store.onChange(changed)
    return store
  }
  let current = await open(config)
  let paths = config.callers.paths
  return {
    findKey: id => current.findKey(id),
    all: () => current.all(),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async prepare(next) {
      if (next.callers.paths.join('\n') === paths.join('\n')) return unchanged
      const store = await open(next)
      return {
        commit() {
          current.close()
          current = store
          paths = next.callers.paths
          changed()
        },
        discard: () => store.close(),
      }
    },
    close: () => current.close(),
  }
}
