import type { Entries } from '../callers/entries.ts'
import { ApiFailure, whyFailed } from '../callers/kubernetes/api.ts'
import { createKubernetesEditor } from '../callers/kubernetes/editor.ts'
import { assembleObjects, entriesOf, readObjects, type StoreObjects } from '../callers/kubernetes/read.ts'
import { readCallers, requireCallers, type LoadedCallers } from '../callers/load.ts'
import type { CallersStore } from '../callers/store.ts'
import type { Client } from '../clusters/client.ts'
import type { CallersConfig, Config } from '../config/config.ts'
import { ProxyError } from '../errors.ts'
import { findCluster } from './find-cluster.ts'
import { openClient, type OpenOptions } from './open-client.ts'
import { operatorMessageOf } from './output.ts'

export type StoreOptions = Pick<OpenOptions, 'env'> & Partial<OpenOptions>

type InKubernetes = CallersConfig & { readonly kind: 'kubernetes' }

/** Milliseconds for a credential and a cluster. */
const patience = 10_000

/** The callers of the config as `serve` would have them, wherever they are kept. Rejects with FaultsError, or an Error that says what cannot be reached. */
export async function requireStored(config: Config, { now, ...options }: StoreOptions & { readonly now: number }): Promise<LoadedCallers> {
  const { callers } = config
  const clusters = config.clusters.map(({ name }) => name)
  if (callers.kind === 'file') return requireCallers(callers.paths)
  const objects = await readStore(config, callers, options)
  return assembleObjects(objects, { namespace: callers.namespace, clusters, now })
}

/** For people. */
export function placeOfCallers({ callers }: Pick<Config, 'callers'>): string {
  return callers.kind === 'file' ? callers.paths.join(', ') : `cluster ${callers.cluster}, namespace ${callers.namespace}`
}

/** All that is written of callers and scopes, before any of it is held against the rest. */
export async function readStored(config: Config, options: StoreOptions & { readonly now: number }): Promise<readonly Entries[]> {
  const { callers } = config
  if (callers.kind === 'file') return readCallers(callers.paths)
  const objects = await readStore(config, callers, options)
  return [entriesOf(objects, { namespace: callers.namespace, clusters: config.clusters.map(({ name }) => name), now: options.now })]
}

function readStore(config: Config, callers: InKubernetes, options: StoreOptions): Promise<StoreObjects> {
  return withStore(config, callers, options, client => readObjects(client, callers.namespace))
}

/** For the commands that change callers; a client is opened for each piece of work, so that none keeps the process. */
export function editStore(config: Config, callers: InKubernetes, { now, ...options }: StoreOptions & { readonly now: () => number }): CallersStore {
  const editing = <T>(use: (store: CallersStore) => Promise<T>) => withStore(config, callers, options, (api) => {
    return use(createKubernetesEditor({ api, namespace: callers.namespace, clusters: config.clusters.map(({ name }) => name), now: now() }))
  })
  return { read: () => editing(store => store.read()), change: decide => editing(store => store.change(decide)) }
}

/** What a command itself has to say passes as it is; what the cluster did not give, or do, is told with its place. */
async function withStore<T>(config: Config, { cluster: name, namespace }: InKubernetes, options: StoreOptions, use: (client: Client) => Promise<T>): Promise<T> {
  const told = (error: unknown): never => {
    throw new Error(`the callers are kept in cluster ${name}, namespace ${namespace}: ${whyFailed(error, name, namespace, operatorMessageOf)}`, { cause: error })
  }
  const client = await openClient(findCluster(config.clusters, name), config, { allowLoose: false, within: patience, ...options }).catch(told)
  try {
    return await use(client).catch((error: unknown) => error instanceof ApiFailure || error instanceof ProxyError ? told(error) : Promise.reject(error as Error))
  } finally {
    client.destroy().catch(() => { /* it ends with the process */ })
  }
}
