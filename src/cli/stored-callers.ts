import { entriesOf, assembleObjects, readObjects, type StoreObjects } from '../callers/kubernetes/read.ts'
import { whyFailed } from '../callers/kubernetes/api.ts'
import { readCallers, requireCallers, type LoadedCallers } from '../callers/load.ts'
import type { Entries } from '../callers/entries.ts'
import type { CallersConfig, Config } from '../config/config.ts'
import { findCluster } from './find-cluster.ts'
import { openClient, type OpenOptions } from './open-client.ts'
import { operatorMessageOf } from './output.ts'

export type StoreOptions = Pick<OpenOptions, 'env'> & Partial<OpenOptions>

/** Milliseconds for a credential and a cluster. */
const patience = 10_000

/** The callers of the config as `serve` would have them, wherever they are kept. Rejects with FaultsError, or an Error that says what cannot be reached. */
export async function requireStored(config: Config, options: StoreOptions): Promise<LoadedCallers> {
  const { callers } = config
  const clusters = config.clusters.map(({ name }) => name)
  if (callers.kind === 'file') return requireCallers(callers.paths)
  const objects = await readStore(config, callers, options)
  return assembleObjects(objects, { namespace: callers.namespace, clusters, now: Date.now() })
}

/** All that is written of callers and scopes, before any of it is held against the rest. */
export async function readStored(config: Config, options: StoreOptions & { readonly now: number }): Promise<readonly Entries[]> {
  const { callers } = config
  if (callers.kind === 'file') return readCallers(callers.paths)
  const objects = await readStore(config, callers, options)
  return [entriesOf(objects, { namespace: callers.namespace, clusters: config.clusters.map(({ name }) => name), now: options.now })]
}

async function readStore(config: Config, { cluster: name, namespace }: CallersConfig & { kind: 'kubernetes' }, options: StoreOptions): Promise<StoreObjects> {
  try {
    const client = await openClient(findCluster(config.clusters, name), config, { allowLoose: false, within: patience, ...options })
    try {
      return await readObjects(client, namespace)
    } finally {
      client.destroy().catch(() => { /* it ends with the process */ })
    }
  } catch (error) {
    throw new Error(`the callers are kept in cluster ${name}, namespace ${namespace}, and could not be read there: ${whyFailed(error, name, namespace, operatorMessageOf)}`, { cause: error })
  }
}
