import type { Logger } from 'pino'
import type { PolicedAudit } from '../audit/create.ts'
import type { Sink } from '../audit/sinks/sink.ts'
import type { Config } from '../config/config.ts'
import type { HeldSecrets } from '../credentials/held-secrets.ts'
import type { Ledger } from '../limits/ledger.ts'
import type { AdminOptions, AdminServer } from '../listen/admin.ts'
import { createMetrics, type Metrics } from '../metrics/metrics.ts'
import type { ConfiguredRecordings } from '../recordings/create.ts'
import { openSinks, wireAudit } from './audit.ts'
import { readPolicy } from './audit-policy.ts'
import { wireCallers, type CallersWiring } from './callers.ts'
import { wireClusters, type ClusterWiring } from './clusters.ts'
import type { DrainState } from './drain.ts'
import { wireIdentity, type IdentityWiring } from './identity.ts'
import { wireRecordings } from './recordings.ts'

export interface BuildOptions {
  readonly log: Logger
  /** Told of every secret that is held; what the log and the audit log take them out by. */
  readonly secrets: HeldSecrets
  readonly env?: NodeJS.ProcessEnv
  /** The namespace of the pod that this process runs in, if it does. */
  readonly podNamespace?: string | undefined
  /** Where the kubelet puts what a pod needs. */
  readonly podFolder?: string | undefined
  /** Read credentials though every user of the machine may. */
  readonly allowLoose?: boolean
  /** Node's own metrics; false where several proxies live in one process. */
  readonly nodeMetrics?: boolean
  /** Of one worker of several: what the primary has for all of them. */
  readonly shared?: Shared | undefined
}

/** Stands in for parts that there is one of, however many processes serve. */
export interface Shared {
  readonly sinks: readonly Sink[]
  readonly ledger: Ledger
  readonly admin: (parts: Omit<AdminOptions, 'metrics'> & { readonly metrics: Metrics }) => AdminServer
}

/** What the way of a request draws on: made first, closed last. */
export interface Rooms {
  readonly config: Config
  readonly log: Logger
  readonly metrics: Metrics
  readonly audit: PolicedAudit
  readonly recordings: ConfiguredRecordings
  readonly callers: CallersWiring
  readonly identity: IdentityWiring
  readonly wired: ClusterWiring
  readonly drain: DrainState
  readonly live: { config: Config }
  readonly configReloaded: (ok: boolean) => void
  readonly shared: Shared | undefined
}

/** Makes them; `undo` is told how each is closed, for where a later one cannot be. */
export async function makeRooms(config: Config, { log, secrets, env = process.env, podNamespace, podFolder, allowLoose = false, nodeMetrics = true, shared }: BuildOptions, undo: (() => unknown)[]): Promise<Rooms> {
  const metrics = createMetrics({ now: Date.now, nodeMetrics })
  const inForce = { config: true, callers: true }
  const reloaded = (what: keyof typeof inForce) => (ok: boolean) => {
    inForce[what] = ok
    metrics.configReload(inForce.config && inForce.callers)
  }
  const wired = await wireClusters(config, { log, secrets, metrics, env, podNamespace, podFolder, allowLoose })
  undo.push(() => wired.close())
  const callers = await wireCallers(config, { log, onReload: reloaded('callers'), findCluster: name => wired.clusters.find(name) })
  undo.push(() => callers.close())
  const identity = wireIdentity(config, callers, log)
  undo.push(() => identity.close())
  const policy = await readPolicy(config)
  const sinks = shared?.sinks ?? await openSinks(config, { log, secrets, env, allowLoose })
  const audit = wireAudit(config, { log, metrics, secrets, sinks, policy, onUsed: callers.used })
  undo.push(() => audit.close())
  const recordings = wireRecordings(config, { log, metrics, secrets })
  undo.push(() => recordings.close())
  return {
    config, log, metrics, audit, recordings, callers, identity, wired, shared,
    drain: { closing: false, refusing: false },
    live: { config },
    configReloaded: reloaded('config'),
  }
}
