import { age } from './duration.ts'
import type { Json, KubeObject } from './json.ts'
import { at, list, object, text } from './json.ts'
import type { Column } from './resource-type.ts'

type Cell = (object: KubeObject, now: number) => Json

function column(name: string, cell: Cell, rest: Partial<Omit<Column, 'name' | 'cell'>> = {}): Column {
  return { name, type: 'string', priority: 0, description: '', ...rest, cell }
}

const orNone = (value: string) => value || '<none>'

export const nameColumn = column('Name', (o) => o.metadata.name, { description: 'Name must be unique within a namespace.' })
export const ageColumn = column('Age', (o, now) => age(o.metadata.creationTimestamp, now), {
  description: 'CreationTimestamp is the server time when this object was created.',
})
const createdAt = column('Created At', (o) => o.metadata.creationTimestamp, { type: 'date' })
const dataColumn = column('Data', (o) => Object.keys(object(o, 'data')).length, { type: 'integer' })

function podReady(pod: KubeObject): string {
  const statuses = list(pod, 'status', 'containerStatuses')
  return `${statuses.filter((status) => at(status, 'ready') === true).length}/${list(pod, 'spec', 'containers').length}`
}

function restarts(pod: KubeObject): string {
  const counts = list(pod, 'status', 'containerStatuses').map((status) => Number(at(status, 'restartCount') ?? 0))
  return String(counts.reduce((sum, count) => sum + count, 0))
}

const replicas = (field: string): Cell => (o) => Number(at(o, 'status', field) ?? 0)

function ports(service: KubeObject): string {
  const shown = list(service, 'spec', 'ports').map((port) =>
    `${String(at(port, 'port'))}/${text(port, 'protocol') || 'TCP'}`)
  return orNone(shown.join(','))
}

function selector(labels: Json | undefined): string {
  return orNone(Object.entries(object(labels)).map(([key, value]) => `${key}=${String(value)}`).join(','))
}

const containers = (deployment: KubeObject, field: string) =>
  list(deployment, 'spec', 'template', 'spec', 'containers').map((container) => text(container, field)).join(',')

const wide = { priority: 1 } as const

/** The columns of each resource, by the collection it is stored in. Those not named have name and age. */
export const columnsOf: Readonly<Record<string, readonly Column[]>> = {
  pods: [
    nameColumn,
    column('Ready', podReady),
    column('Status', (o) => text(o, 'status', 'reason') || text(o, 'status', 'phase')),
    column('Restarts', restarts),
    ageColumn,
    column('IP', (o) => orNone(text(o, 'status', 'podIP')), wide),
    column('Node', (o) => orNone(text(o, 'spec', 'nodeName')), wide),
    column('Nominated Node', () => '<none>', wide),
    column('Readiness Gates', () => '<none>', wide),
  ],
  namespaces: [nameColumn, column('Status', (o) => text(o, 'status', 'phase')), ageColumn],
  projects: [
    nameColumn,
    column('Display Name', (o) => text(o.metadata, 'annotations', 'openshift.io/display-name')),
    column('Status', (o) => text(o, 'status', 'phase')),
  ],
  nodes: [
    nameColumn,
    column('Status', () => 'Ready'),
    column('Roles', () => '<none>'),
    ageColumn,
    column('Version', (o) => text(o, 'status', 'nodeInfo', 'kubeletVersion')),
  ],
  configmaps: [nameColumn, dataColumn, ageColumn],
  secrets: [nameColumn, column('Type', (o) => text(o, 'type')), dataColumn, ageColumn],
  serviceaccounts: [nameColumn, column('Secrets', (o) => list(o, 'secrets').length, { type: 'integer' }), ageColumn],
  services: [
    nameColumn,
    column('Type', (o) => text(o, 'spec', 'type')),
    column('Cluster-IP', (o) => orNone(text(o, 'spec', 'clusterIP'))),
    column('External-IP', () => '<none>'),
    column('Port(s)', ports),
    ageColumn,
    column('Selector', (o) => selector(at(o, 'spec', 'selector')), wide),
  ],
  events: [
    column('Last Seen', (o, now) => age(text(o, 'lastTimestamp') || o.metadata.creationTimestamp, now)),
    column('Type', (o) => text(o, 'type')),
    column('Reason', (o) => text(o, 'reason')),
    column('Object', (o) => `${text(o, 'involvedObject', 'kind').toLowerCase()}/${text(o, 'involvedObject', 'name')}`),
    column('Message', (o) => text(o, 'message')),
  ],
  'deployments.apps': [
    nameColumn,
    column('Ready', (o) => `${String(at(o, 'status', 'readyReplicas') ?? 0)}/${String(at(o, 'spec', 'replicas') ?? 1)}`),
    column('Up-to-date', replicas('updatedReplicas'), { type: 'integer' }),
    column('Available', replicas('availableReplicas'), { type: 'integer' }),
    ageColumn,
    column('Containers', (o) => containers(o, 'name'), wide),
    column('Images', (o) => containers(o, 'image'), wide),
    column('Selector', (o) => selector(at(o, 'spec', 'selector', 'matchLabels')), wide),
  ],
  'customresourcedefinitions.apiextensions.k8s.io': [nameColumn, createdAt],
  'routes.route.openshift.io': [
    nameColumn,
    column('Host/Port', (o) => text(o, 'spec', 'host')),
    column('Path', (o) => text(o, 'spec', 'path')),
    column('Services', (o) => text(o, 'spec', 'to', 'name')),
    column('Port', (o) => String(at(o, 'spec', 'port', 'targetPort') ?? '<all>')),
    column('Termination', (o) => text(o, 'spec', 'tls', 'termination')),
    column('Wildcard', (o) => text(o, 'spec', 'wildcardPolicy') || 'None'),
  ],
}
