import { established, typesOf } from './custom-resources.ts'
import type { JsonObject, KubeObject } from './json.ts'
import { namespaceOf } from './json.ts'
import type { World } from './world.ts'
import { timestamp } from './world.ts'
import { create } from './writes.ts'

type Seed = readonly [path: readonly [prefix: string, group: string, resource: string], namespace: string, object: JsonObject]

const core = (resource: string) => ['api', '', resource] as const

const labelled = (name: string, labels: JsonObject = {}) => ({ name, labels })

const pod = (name: string, app: string): JsonObject => ({
  metadata: labelled(name, { app }),
  spec: { containers: [{ name: 'main', image: `registry.example/${app}:1` }] },
})

const deployment = (name: string, replicas: number): JsonObject => ({
  metadata: labelled(name, { app: name }),
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'main', image: `registry.example/${name}:1` }] } },
  },
})

const widgets: JsonObject = {
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList', shortNames: ['wd'], categories: ['all'] },
    versions: [{
      name: 'v1',
      served: true,
      storage: true,
      subresources: { status: {} },
      additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
      schema: {
        openAPIV3Schema: {
          type: 'object',
          description: 'Widget is a custom resource of the sample cluster.',
          properties: {
            spec: { type: 'object', properties: { size: { type: 'integer' }, note: { type: 'string' } } },
            status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
          },
        },
      },
    }],
  },
}

const started = (pod: KubeObject, now: string): JsonObject => ({
  metadata: { name: `${pod.metadata.name}.started` },
  involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace: namespaceOf(pod), name: pod.metadata.name, uid: pod.metadata.uid },
  reason: 'Started',
  message: 'Started container main',
  type: 'Normal',
  count: 1,
  firstTimestamp: now,
  lastTimestamp: now,
  source: { component: 'sample' },
})

const node: JsonObject = {
  metadata: { name: 'sample-node' },
  status: { conditions: [{ type: 'Ready', status: 'True' }], nodeInfo: { kubeletVersion: 'v1.36.0-sample' } },
}

const service: JsonObject = {
  metadata: labelled('web', { app: 'web' }),
  spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
}

function seeds(): Seed[] {
  const namespaces = ['default', 'kube-system', 'portcullis', 'team-a', 'team-b']
  const teams = ['team-a', 'team-b'].flatMap((team): Seed[] => [
    [core('configmaps'), team, { metadata: { name: 'settings' }, data: { colour: 'blue', owner: team } }],
    [core('secrets'), team, { metadata: { name: 'database' }, stringData: { username: team, password: 'sample' } }],
    [['apis', 'apps', 'deployments'], team, deployment('web', 2)],
    [core('pods'), team, pod('web-0', 'web')],
    [core('pods'), team, pod('web-1', 'web')],
    [core('services'), team, service],
    [['apis', 'route.openshift.io', 'routes'], team, { metadata: labelled('web'), spec: { to: { kind: 'Service', name: 'web', weight: 100 } } }],
    [['apis', 'example.com', 'widgets'], team, { metadata: { name: 'first' }, spec: { size: 1 } }],
  ])
  return [
    ...namespaces.map((name): Seed => [core('namespaces'), '', { metadata: { name } }]),
    ...namespaces.map((name): Seed => [core('serviceaccounts'), name, { metadata: { name: 'default' } }]),
    [core('serviceaccounts'), 'portcullis', { metadata: { name: 'portcullis' } }],
    [core('nodes'), '', node],
    [core('pods'), 'kube-system', pod('dns-0', 'dns')],
    ...teams,
  ]
}

/** Fills a new world. What it holds is made up; the one real secret, the token, is not in it. */
export function seed(world: World): void {
  const write = ([[prefix, group, resource], namespace, body]: Seed) => {
    const type = world.types.find(prefix, group, 'v1', resource)
    if (type === undefined) throw new Error(`the sample does not serve ${resource}`)
    const writer = { manager: 'sample', operation: 'Update' as const, subresource: '', apiVersion: 'v1', time: timestamp(world) }
    return create(world, { type, namespace, name: '', subresource: '', watch: false }, body, { writer, dryRun: false, strict: true })
  }
  const definition = write([['apis', 'apiextensions.k8s.io', 'customresourcedefinitions'], '', widgets])
  const served = world.store.put('customresourcedefinitions.apiextensions.k8s.io', established(definition, timestamp(world)))
  world.types.replace('example.com', 'widgets', typesOf(served))
  for (const each of seeds()) write(each)
  for (const each of world.store.list('pods')) {
    world.logs.write(each.metadata.uid, `${each.metadata.name} started`)
    write([core('events'), namespaceOf(each), started(each, timestamp(world))])
  }
}
