import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Manifest } from './chart.ts'

/** One field of a kind, as the declarations of client-node's models have it, which are made of Kubernetes' OpenAPI. */
interface Field {
  readonly needed: boolean
  readonly type: string
}

type Fields = ReadonlyMap<string, Field>

const models = fileURLToPath(new URL('../../node_modules/@kubernetes/client-node/dist/gen/models/', import.meta.url))
const read = new Map<string, Fields | undefined>()

/** The kinds of the chart that Kubernetes itself has, with the version that is served wherever the chart is for. */
const versions: Readonly<Record<string, string>> = {
  ConfigMap: 'v1', Pod: 'v1', Secret: 'v1', Service: 'v1', ServiceAccount: 'v1',
  Deployment: 'apps/v1', HorizontalPodAutoscaler: 'autoscaling/v2', PodDisruptionBudget: 'policy/v1',
  Ingress: 'networking.k8s.io/v1', NetworkPolicy: 'networking.k8s.io/v1',
  ClusterRole: 'rbac.authorization.k8s.io/v1', ClusterRoleBinding: 'rbac.authorization.k8s.io/v1', Role: 'rbac.authorization.k8s.io/v1', RoleBinding: 'rbac.authorization.k8s.io/v1',
}

export function isBuiltIn({ kind }: Manifest): boolean {
  return versions[kind] !== undefined
}

/**
 * What is wrong with a manifest of a kind of Kubernetes, as `path: what`: fields that there are none of, that are needed
 * and missing, and values of another type. What a type does not say, ranges and names, an API server alone knows.
 */
export function typeFaults(manifest: Manifest): string[] {
  const { apiVersion, kind } = manifest
  if (versions[kind] !== apiVersion) return [`.apiVersion: ${kind} is of ${versions[kind]}, not ${apiVersion}`]
  return faultsOf(manifest, modelOf(apiVersion, kind), '')
}

function modelOf(apiVersion: string, kind: string): string {
  const version = apiVersion.split('/').at(-1) ?? ''
  return `${version.charAt(0).toUpperCase()}${version.slice(1)}${kind}`
}

function fieldsOf(model: string): Fields | undefined {
  if (!read.has(model)) read.set(model, readModel(`${models}${model}.d.ts`))
  return read.get(model)
}

function readModel(file: string): Fields | undefined {
  if (!existsSync(file)) return undefined
  // Words of JavaScript have a _ before them.  'name'?: Type;  and for maps  'name'?: {⏎ [key: string]: Type;⏎ };
  const found = readFileSync(file, 'utf8').matchAll(/^ {4}'_?([^']+)'(\?)?: (?:\{\s*\[key: string\]: (.+?);\s*\}|(.+?));$/gm)
  return new Map([...found].map(([, name = '', optional, values, type = '']) => [name, { needed: optional === undefined, type: values === undefined ? type : `Map<${values}>` }]))
}

function faultsOf(value: unknown, type: string, path: string): string[] {
  const [, outer, inner = ''] = /^(Array|Map)<(.+)>$/.exec(type) ?? []
  if (outer === 'Array') return Array.isArray(value) ? value.flatMap((item, index) => faultsOf(item, inner, `${path}[${index}]`)) : [`${path}: no list`]
  if (outer === 'Map') return isObject(value) ? Object.entries(value).flatMap(([name, item]) => faultsOf(item, inner, `${path}.${name}`)) : [`${path}: no object`]
  if (type === 'any') return []
  if (type === 'IntOrString') return typeof value === 'string' || Number.isInteger(value) ? [] : [`${path}: neither a number nor a text`]
  if (type === 'Date') return typeof value === 'string' ? [] : [`${path}: no time`]
  if (type === 'string' || type === 'number' || type === 'boolean') return typeof value === type ? [] : [`${path}: ${JSON.stringify(value)} is no ${type}`]
  return objectFaults(value, type, path)
}

function objectFaults(value: unknown, model: string, path: string): string[] {
  const fields = fieldsOf(model)
  if (fields === undefined) return [`${path}: no model ${model}`]
  if (!isObject(value)) return [`${path}: ${JSON.stringify(value)} is no ${model}`]
  return [
    ...[...fields].filter(([name, { needed }]) => needed && value[name] === undefined).map(([name]) => `${path}.${name}: is missing`),
    ...Object.entries(value).flatMap(([name, item]) => {
      const field = fields.get(name)
      return field === undefined ? [`${path}.${name}: ${model} has no such field`] : faultsOf(item, field.type, `${path}.${name}`)
    }),
  ]
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
