import type { WrittenRule } from '../../callers/schema.ts'

/** Everyday rights that yield more than they say; see DESIGN.md, section 6, guard. */
export interface FarReach {
  /** As in a list of what a wildcard holds. */
  readonly short: string
  /** What it yields, and what to do. */
  readonly message: string
  readonly rights: readonly Right[]
  /** Where there is more than one namespace in it that was not named. */
  readonly acrossNamespaces?: true
}

interface Right {
  readonly verbs: readonly string[]
  readonly groups: readonly string[]
  readonly resources: readonly string[]
}

const writes = ['create', 'update', 'patch']
const reads = ['get', 'list', 'watch']
const otherwise = 'or give the callers impersonate, so that the API server judges them itself'

export const readsSecrets: Right = { verbs: reads, groups: [''], resources: ['secrets'] }
/** A patch may create, by server-side apply. */
export const makesSecrets: Right = { verbs: ['create', 'patch'], groups: [''], resources: ['secrets'] }

export const farReaches: readonly FarReach[] = [
  {
    short: 'secrets across namespaces',
    message: 'reads Secrets across namespaces, the tokens and passwords of everybody in them: name the namespaces, and the Secrets by resourceNames',
    rights: [readsSecrets], acrossNamespaces: true,
  },
  {
    short: 'pods under any service account',
    message: `runs pods under any service account of the namespace, and so with its rights: keep stronger accounts out of these namespaces, ${otherwise}`,
    rights: [
      { verbs: ['create'], groups: [''], resources: ['pods'] },
      { verbs: writes, groups: [''], resources: ['replicationcontrollers', 'podtemplates'] },
      { verbs: writes, groups: ['apps', 'extensions'], resources: ['deployments', 'daemonsets', 'replicasets', 'statefulsets'] },
      { verbs: writes, groups: ['batch'], resources: ['jobs', 'cronjobs'] },
      // OpenShift 3 served its kinds without a group, too.
      { verbs: writes, groups: ['apps.openshift.io', ''], resources: ['deploymentconfigs'] },
    ],
  },
  {
    short: 'routes and ingresses for any host',
    message: `claims any host name, also one of another team: have an admission policy hold the hosts, ${otherwise}`,
    rights: [
      { verbs: writes, groups: ['networking.k8s.io', 'extensions'], resources: ['ingresses'] },
      { verbs: writes, groups: ['route.openshift.io', ''], resources: ['routes', 'routes/custom-host'] },
    ],
  },
  {
    short: 'images of other namespaces',
    message: `takes in images of other namespaces through image streams: leave these kinds out, ${otherwise}`,
    rights: [{
      verbs: writes, groups: ['image.openshift.io', ''],
      resources: ['imagestreams', 'imagestreamtags', 'imagetags', 'imagestreamimports', 'imagestreammappings'],
    }],
  },
  {
    short: 'traffic to any address',
    message: `leads traffic to any address, past what network policies allow its sender: leave these kinds out, or have an admission policy hold them, ${otherwise}`,
    rights: [
      { verbs: writes, groups: [''], resources: ['services', 'endpoints'] },
      { verbs: writes, groups: ['discovery.k8s.io'], resources: ['endpointslices'] },
    ],
  },
]

export const mintsThroughSecrets = 'makes Secrets beside reading them: one of type kubernetes.io/service-account-token is filled with a token of any service account '
  + `of the namespace; keep stronger accounts out of these namespaces, ${otherwise}`

/** Of the rule's resources, the first with one of the rights; -1: none. */
export function placeOf(rule: WrittenRule, rights: readonly Right[]): number {
  return rule.resources.findIndex(resource => rights.some(right => gives(rule, resource, right)))
}

function gives({ verbs, apiGroups }: WrittenRule, resource: string, right: Right): boolean {
  return right.resources.some(one => matchesResource(resource, one)) && meets(verbs, right.verbs) && meets(apiGroups, right.groups)
}

function matchesResource(pattern: string, resource: string): boolean {
  return pattern === '*' || pattern === resource || (pattern.startsWith('*/') && resource.endsWith(pattern.slice(1)))
}

function meets(given: readonly string[], wanted: readonly string[]): boolean {
  return given.includes('*') || given.some(value => wanted.includes(value))
}
