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
