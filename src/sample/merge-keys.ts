import type { Json, JsonObject } from './json.ts'
import { isObject } from './json.ts'

/**
 * The lists whose items are told apart by a member, as the Kubernetes types
 * declare them (patchMergeKey, listMapKey). All other lists are atomic.
 */
const keys: Readonly<Record<string, readonly string[]>> = {
  containers: ['name'],
  initContainers: ['name'],
  ephemeralContainers: ['name'],
  volumes: ['name'],
  env: ['name'],
  secrets: ['name'],
  imagePullSecrets: ['name'],
  volumeMounts: ['mountPath'],
  volumeDevices: ['devicePath'],
  hostAliases: ['ip'],
  ownerReferences: ['uid'],
  conditions: ['type'],
  topologySpreadConstraints: ['topologyKey', 'whenUnsatisfiable'],
}

/** Containers number their ports by containerPort, services by port. */
const portKeys = { container: ['containerPort', 'protocol'], service: ['port', 'protocol'] }

/** The keys of a list found under a field name, or undefined when it is atomic. */
export function mergeKeysOf(field: string, items: readonly Json[]): readonly string[] | undefined {
  if (items.length === 0 || !items.every(isObject)) return undefined
  const declared = field === 'ports' ? portKeysOf(items) : keys[field]
  const [first] = declared ?? []
  return first !== undefined && items.every((item) => item[first] !== undefined) ? declared : undefined
}

function portKeysOf(items: readonly JsonObject[]): readonly string[] {
  return items.some((item) => item.containerPort !== undefined) ? portKeys.container : portKeys.service
}

/** The values of the keys of one item. A port without a protocol is a TCP port. */
export function identity(item: Json, keys: readonly string[]): JsonObject {
  const from = isObject(item) ? item : {}
  return Object.fromEntries(keys.map((key) => [key, from[key] ?? (key === 'protocol' ? 'TCP' : null)]))
}

/** How `fieldsV1` names an item. */
export function itemName(item: Json, keys: readonly string[]): string {
  const values = identity(item, keys)
  return `k:${JSON.stringify(Object.fromEntries(Object.keys(values).sort().map((key) => [key, values[key]])))}`
}
