import { list, namespaceOf, object, text } from './json.ts'
import type { Json, JsonObject, KubeObject } from './json.ts'
import type { ResourceType } from './resource-type.ts'

/** What the sample's own controllers and defaults need to know. */
export interface Moment {
  readonly now: string
  readonly creating: boolean
}

type Settle = (object: KubeObject, moment: Moment) => KubeObject

/**
 * Stands in for the controllers, the kubelet and the defaulting of a real
 * cluster: they act at once, within the write. A deployment says that its
 * replicas run; it makes no pods.
 */
export function settled(type: ResourceType, object: KubeObject, moment: Moment): KubeObject {
  return settle[type.storage]?.(object, moment) ?? object
}

const settle: Readonly<Record<string, Settle>> = {
  namespaces: namespaceActive,
  pods: podRuns,
  secrets: secretFolded,
  services: serviceAddressed,
  'deployments.apps': deploymentRollsOut,
  'routes.route.openshift.io': routeAdmitted,
}

function namespaceActive(namespace: KubeObject): KubeObject {
  const labels = { ...object(namespace.metadata, 'labels'), 'kubernetes.io/metadata.name': namespace.metadata.name }
  return {
    ...namespace,
    metadata: { ...namespace.metadata, labels },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  }
}

function podRuns(pod: KubeObject, { now, creating }: Moment): KubeObject {
  if (!creating) return pod
  const spec = { restartPolicy: 'Always', nodeName: 'sample-node', serviceAccountName: 'default', ...object(pod, 'spec') }
  const containerStatuses = list(pod, 'spec', 'containers').map((container): Json => ({
    name: text(container, 'name'),
    image: text(container, 'image'),
    imageID: '',
    ready: true,
    started: true,
    restartCount: 0,
    state: { running: { startedAt: now } },
    lastState: {},
  }))
  const conditions = ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => trueCondition(type, now))
  return { ...pod, spec, status: { phase: 'Running', startTime: now, podIP: '10.0.0.1', conditions, containerStatuses } }
}

function trueCondition(type: string, now: string): JsonObject {
  return { type, status: 'True', lastTransitionTime: now }
}

/** `stringData` is for writing only. */
function secretFolded(secret: KubeObject): KubeObject {
  const { stringData, ...rest } = secret
  const encoded = Object.entries(object(stringData)).map(([key, value]) => [key, Buffer.from(String(value)).toString('base64')])
  const data = { ...object(rest, 'data'), ...Object.fromEntries(encoded) as JsonObject }
  return { ...rest, metadata: secret.metadata, ...(Object.keys(data).length > 0 && { data }), type: text(rest, 'type') || 'Opaque' }
}

function serviceAddressed(service: KubeObject): KubeObject {
  const spec = object(service, 'spec')
  const ports = list(spec, 'ports').map((port): Json => ({ protocol: 'TCP', targetPort: object(port).port ?? 0, ...object(port) }))
  const clusterIP = `10.96.${Number.parseInt(service.metadata.uid.slice(0, 2), 16)}.${Number.parseInt(service.metadata.uid.slice(2, 4), 16)}`
  return {
    ...service,
    spec: { type: 'ClusterIP', clusterIP, sessionAffinity: 'None', ...spec, ports },
    status: { loadBalancer: {}, ...object(service, 'status') },
  }
}

function deploymentRollsOut(deployment: KubeObject, { now }: Moment): KubeObject {
  const spec = { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600, ...object(deployment, 'spec') }
  const { replicas } = spec
  const before = list(deployment, 'status', 'conditions')
  const conditions = before.length > 0 ? before : [
    { ...trueCondition('Available', now), reason: 'MinimumReplicasAvailable' },
    { ...trueCondition('Progressing', now), reason: 'NewReplicaSetAvailable' },
  ]
  const counts = replicas === 0 ? {} : { replicas, updatedReplicas: replicas, readyReplicas: replicas, availableReplicas: replicas }
  return { ...deployment, spec, status: { observedGeneration: deployment.metadata.generation ?? 1, ...counts, conditions } }
}

function routeAdmitted(route: KubeObject, { now }: Moment): KubeObject {
  const host = text(route, 'spec', 'host') || `${route.metadata.name}-${namespaceOf(route)}.apps.sample.example`
  const ingress = [{ host, routerName: 'default', conditions: [trueCondition('Admitted', now)] }]
  return { ...route, spec: { wildcardPolicy: 'None', ...object(route, 'spec'), host }, status: { ingress } }
}
