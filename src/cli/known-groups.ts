/**
 * The API group of a resource named without one, as discovery would tell on an everyday
 * cluster: this command works offline. What is not listed is taken for the core group.
 */
const groups: Readonly<Record<string, readonly string[]>> = {
  'apps': ['deployments', 'daemonsets', 'replicasets', 'statefulsets', 'controllerrevisions'],
  'batch': ['jobs', 'cronjobs'],
  'autoscaling': ['horizontalpodautoscalers'],
  'policy': ['poddisruptionbudgets'],
  'networking.k8s.io': ['ingresses', 'ingressclasses', 'networkpolicies'],
  'discovery.k8s.io': ['endpointslices'],
  'coordination.k8s.io': ['leases', 'leasecandidates'],
  'node.k8s.io': ['runtimeclasses'],
  'scheduling.k8s.io': ['priorityclasses'],
  'storage.k8s.io': ['storageclasses', 'volumeattachments', 'csidrivers', 'csinodes', 'csistoragecapacities'],
  'rbac.authorization.k8s.io': ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'],
  'certificates.k8s.io': ['certificatesigningrequests', 'clustertrustbundles', 'podcertificaterequests'],
  'admissionregistration.k8s.io': [
    'validatingwebhookconfigurations', 'mutatingwebhookconfigurations', 'validatingadmissionpolicies',
    'validatingadmissionpolicybindings', 'mutatingadmissionpolicies', 'mutatingadmissionpolicybindings',
  ],
  'apiextensions.k8s.io': ['customresourcedefinitions'],
  'apiregistration.k8s.io': ['apiservices'],
  'authentication.k8s.io': ['tokenreviews', 'selfsubjectreviews', 'userextras', 'uids'],
  'authorization.k8s.io': [
    'subjectaccessreviews', 'selfsubjectaccessreviews', 'selfsubjectrulesreviews', 'localsubjectaccessreviews',
  ],
  'project.openshift.io': ['projects', 'projectrequests'],
  'route.openshift.io': ['routes'],
  'image.openshift.io': ['images', 'imagestreams', 'imagestreamtags', 'imagestreamimages', 'imagestreamimports'],
  'build.openshift.io': ['builds', 'buildconfigs'],
  'apps.openshift.io': ['deploymentconfigs'],
  'template.openshift.io': ['templates', 'templateinstances', 'processedtemplates'],
  'oauth.openshift.io': [
    'oauthclients', 'oauthaccesstokens', 'oauthauthorizetokens', 'useroauthaccesstokens', 'oauthclientauthorizations',
  ],
  'security.openshift.io': ['securitycontextconstraints'],
}

const byResource = new Map(Object.entries(groups).flatMap(([group, names]) => names.map(name => [name, group] as const)))

export function groupOf(resource: string): string {
  return byResource.get(resource) ?? ''
}

/** Of the core group, for its singulars. */
const core = [
  'bindings', 'componentstatuses', 'configmaps', 'endpoints', 'events', 'limitranges', 'namespaces', 'nodes', 'persistentvolumeclaims',
  'persistentvolumes', 'pods', 'podtemplates', 'replicationcontrollers', 'resourcequotas', 'secrets', 'serviceaccounts', 'services',
]

/** As API servers tell them in discovery, and so kubectl takes them. */
const shortNames: Readonly<Record<string, string>> = {
  cm: 'configmaps', cs: 'componentstatuses', ep: 'endpoints', ev: 'events', limits: 'limitranges', ns: 'namespaces', no: 'nodes',
  pvc: 'persistentvolumeclaims', pv: 'persistentvolumes', po: 'pods', rc: 'replicationcontrollers', quota: 'resourcequotas',
  sa: 'serviceaccounts', svc: 'services', deploy: 'deployments', ds: 'daemonsets', rs: 'replicasets', sts: 'statefulsets', cj: 'cronjobs',
  hpa: 'horizontalpodautoscalers', pdb: 'poddisruptionbudgets', ing: 'ingresses', netpol: 'networkpolicies', pc: 'priorityclasses',
  sc: 'storageclasses', csr: 'certificatesigningrequests', crd: 'customresourcedefinitions', crds: 'customresourcedefinitions',
  is: 'imagestreams', istag: 'imagestreamtags', isimage: 'imagestreamimages', bc: 'buildconfigs', dc: 'deploymentconfigs',
  scc: 'securitycontextconstraints',
}

const singulars = new Map([...core, ...byResource.keys()].map(plural => [singularOf(plural), plural]))

function singularOf(plural: string): string {
  // These are their own.
  if (plural === 'endpoints' || plural === 'securitycontextconstraints') return plural
  return plural.replace(/ies$/, 'y').replace(/(?<=ss|us)es$/, '').replace(/(?<!s|u)s$/, '')
}

/** The plural of a short name, a singular or a kind, in whatever case; else the word itself. */
export function pluralOf(word: string): string {
  const lower = word.toLowerCase()
  if (Object.hasOwn(shortNames, lower)) return shortNames[lower] ?? word
  return singulars.get(lower) ?? (core.includes(lower) || byResource.has(lower) ? lower : word)
}

const clusterScoped = new Set([
  'componentstatuses', 'namespaces', 'nodes', 'persistentvolumes', 'ingressclasses', 'runtimeclasses', 'priorityclasses', 'storageclasses',
  'volumeattachments', 'csidrivers', 'csinodes', 'clusterroles', 'clusterrolebindings', 'certificatesigningrequests', 'clustertrustbundles',
  'validatingwebhookconfigurations', 'mutatingwebhookconfigurations', 'validatingadmissionpolicies', 'validatingadmissionpolicybindings',
  'mutatingadmissionpolicies', 'mutatingadmissionpolicybindings', 'customresourcedefinitions', 'apiservices', 'tokenreviews',
  'selfsubjectreviews', 'subjectaccessreviews', 'selfsubjectaccessreviews', 'selfsubjectrulesreviews', 'projects', 'projectrequests',
  'images', 'oauthclients', 'oauthaccesstokens', 'oauthauthorizetokens', 'useroauthaccesstokens', 'oauthclientauthorizations',
  'securitycontextconstraints',
])

/** Whether a resource is known to have no namespace; false where it is not known at all. */
export function isClusterScoped(resource: string, group: string): boolean {
  return clusterScoped.has(resource) && group === groupOf(resource)
}
