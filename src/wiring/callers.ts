import type { Logger } from 'pino'
import type { Callers } from '../callers/callers.ts'
import { createFileCallers } from '../callers/file-store.ts'
import type { Cluster } from '../clusters/cluster.ts'
import type { Config } from '../config/config.ts'
import type { Check } from '../listen/admin.ts'
import { openKubernetesCallers } from './kubernetes-callers.ts'
import type { Changeable, Prepared } from './prepared.ts'
import { reportReload } from './report-reload.ts'

/** `prepare` opens another store where the config now names one; to be committed after the clusters. */
export interface CallersWiring extends Callers, Changeable {
  /** For `/readyz`. */
  readonly check: () => Check
  /** Throws the refusal of whoever comes before callers are known: that somebody is none of them would be a lie. */
  readonly requireLoaded: () => void
  /** A request of a caller came, by a key of that id. */
  readonly used: (caller: string, credentialId: string, at: number) => void
}

export interface CallersDeps {
  readonly log: Logger
  readonly onReload: (ok: boolean) => void
  /** A cluster in force. */
  readonly findCluster: (name: string) => Cluster | undefined
}

/** A store that is open. */
export interface OpenCallers {
  readonly callers: Callers
  check(): Check
  requireLoaded(): void
  used(caller: string, credentialId: string, at: number): void
  /** Other clusters may be in force. */
  follow(): void
}

const good: Check = { name: 'callers', ok: true }

/** The callers of the config. What holds on to this sees every reload. */
export async function wireCallers(config: Config, deps: CallersDeps): Promise<CallersWiring> {
  const listeners = new Set<(since?: number) => void>()
  const changed = (since?: number) => { for (const listener of listeners) listener(since) }
  const open = async (config: Config, signal?: AbortSignal): Promise<Opened> => {
    const reports = holdBack(deps.onReload)
    const store = await openCallers(config, { ...deps, onReload: reports.report }, signal)
    store.callers.onChange(changed)
    return { ...store, reports }
  }
  let current = await open(config)
  current.reports.release()
  let source = sourceOf(config)
  return {
    ...answersOf(() => current.callers),
    check: () => current.check(),
    requireLoaded: () => current.requireLoaded(),
    used: (caller, credentialId, at) => current.used(caller, credentialId, at),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async prepare(next, signal): Promise<Prepared> {
      if (sourceOf(next) === source) return { commit: () => current.follow(), discard() {} }
      const store = await open(next, signal)
      return {
        commit() {
          current.reports.drop()
          current.callers.close()
          current = store
          current.reports.release()
          source = sourceOf(next)
          changed()
        },
        discard: () => store.callers.close(),
      }
    },
    close: () => current.callers.close(),
  }
}

function answersOf(callers: () => Callers): Pick<Callers, 'findKey' | 'openKey' | 'all'> {
  return { findKey: id => callers().findKey(id), openKey: (id, digest) => callers().openKey(id, digest), all: () => callers().all() }
}

interface Opened extends OpenCallers {
  readonly reports: HeldBack
}

interface HeldBack {
  report(ok: boolean): void
  /** It is in force: what it said last counts, and what it says from here on. */
  release(): void
  /** It is not any more. */
  drop(): void
}

/** How a store was loaded counts only while it is the one in force: one that is prepared may be discarded. */
function holdBack(onReload: (ok: boolean) => void): HeldBack {
  let last: boolean | undefined
  let tell: (ok: boolean) => void = () => {}
  return {
    report(ok) {
      last = ok
      tell(ok)
    },
    release() {
      tell = onReload
      if (last !== undefined) tell(last)
    },
    drop() {
      tell = () => {}
    },
  }
}

function sourceOf({ callers }: Config): string {
  return JSON.stringify(callers)
}

/** `signal`: of a reload, which keeps what is in force until the other store is there. */
async function openCallers(config: Config, deps: CallersDeps, signal?: AbortSignal): Promise<OpenCallers> {
  const clusters = config.clusters.map(({ name }) => name)
  const { callers } = config
  if (callers.kind === 'kubernetes') return openKubernetesCallers({ ...callers, ...deps, clusters, reload: signal })
  const { log, onReload } = deps
  const store = await createFileCallers({
    paths: callers.paths, clusters, starting: signal === undefined, report: outcome => reportReload(outcome, log, 'callers', onReload),
  })
  return { callers: store, check: () => good, requireLoaded() {}, used() {}, follow() {} }
}
