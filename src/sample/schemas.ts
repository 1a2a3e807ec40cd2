/**
 * The schemas of the built-in kinds, in short: a field is `string`,
 * `integer`, `boolean`, `strings` (a map of them), `any` (an object not
 * described further), the name of another definition, or one of these in
 * brackets for a list. A kind lists every field its Kubernetes type has at
 * that level, so that unknown fields can be told.
 */
export interface Definition {
  readonly description: string
  readonly fields: Readonly<Record<string, string>>
  /** The group of a kind that stands by itself. */
  readonly group?: string
}

const kind = { apiVersion: 'string', kind: 'string', metadata: 'ObjectMeta' }

const containerFields = {
  args: '[string]', command: '[string]', env: '[EnvVar]', envFrom: '[any]', image: 'string', imagePullPolicy: 'string',
  lifecycle: 'any', livenessProbe: 'any', name: 'string', ports: '[ContainerPort]', readinessProbe: 'any', resizePolicy: '[any]',
  resources: 'any', restartPolicy: 'string', restartPolicyRules: '[any]', securityContext: 'any', startupProbe: 'any',
  stdin: 'boolean', stdinOnce: 'boolean', terminationMessagePath: 'string', terminationMessagePolicy: 'string', tty: 'boolean',
  volumeDevices: '[any]', volumeMounts: '[any]', workingDir: 'string',
}

export const definitions: Readonly<Record<string, Definition>> = {
  ObjectMeta: {
    description: 'ObjectMeta is metadata that all persisted resources must have.',
    fields: {
      annotations: 'strings', creationTimestamp: 'string', deletionGracePeriodSeconds: 'integer', deletionTimestamp: 'string',
      finalizers: '[string]', generateName: 'string', generation: 'integer', labels: 'strings', managedFields: '[any]', name: 'string',
      namespace: 'string', ownerReferences: '[any]', resourceVersion: 'string', selfLink: 'string', uid: 'string',
    },
  },
  EnvVar: {
    description: 'EnvVar represents an environment variable present in a Container.',
    fields: { name: 'string', value: 'string', valueFrom: 'any' },
  },
  ContainerPort: {
    description: 'ContainerPort represents a network port in a single container.',
    fields: { containerPort: 'integer', hostIP: 'string', hostPort: 'integer', name: 'string', protocol: 'string' },
  },
  Container: { description: 'A single application container that you want to run within a pod.', fields: containerFields },
  PodSpec: {
    description: 'PodSpec is a description of a pod.',
    fields: {
      activeDeadlineSeconds: 'integer', affinity: 'any', automountServiceAccountToken: 'boolean', containers: '[Container]',
      dnsConfig: 'any', dnsPolicy: 'string', enableServiceLinks: 'boolean', ephemeralContainers: '[any]', hostAliases: '[any]',
      hostIPC: 'boolean', hostNetwork: 'boolean', hostPID: 'boolean', hostUsers: 'boolean', hostname: 'string',
      hostnameOverride: 'string', imagePullSecrets: '[any]', initContainers: '[Container]', nodeName: 'string', nodeSelector: 'strings',
      os: 'any', overhead: 'any', preemptionPolicy: 'string', priority: 'integer', priorityClassName: 'string', readinessGates: '[any]',
      resourceClaims: '[any]', resources: 'any', restartPolicy: 'string', runtimeClassName: 'string', schedulerName: 'string',
      schedulingGates: '[any]', securityContext: 'any', serviceAccount: 'string', serviceAccountName: 'string',
      setHostnameAsFQDN: 'boolean', shareProcessNamespace: 'boolean', subdomain: 'string', terminationGracePeriodSeconds: 'integer',
      tolerations: '[any]', topologySpreadConstraints: '[any]', volumes: '[any]', workloadRef: 'any',
    },
  },
  PodTemplateSpec: {
    description: 'PodTemplateSpec describes the data a pod should have when created from a template.',
    fields: { metadata: 'ObjectMeta', spec: 'PodSpec' },
  },
  Pod: { description: 'Pod is a collection of containers that can run on a host.', group: '', fields: { ...kind, spec: 'PodSpec', status: 'any' } },
  ConfigMap: {
    description: 'ConfigMap holds configuration data for pods to consume.', group: '',
    fields: { ...kind, binaryData: 'strings', data: 'strings', immutable: 'boolean' },
  },
  Secret: {
    description: 'Secret holds secret data of a certain type.', group: '',
    fields: { ...kind, data: 'strings', immutable: 'boolean', stringData: 'strings', type: 'string' },
  },
  Namespace: { description: 'Namespace provides a scope for Names.', group: '', fields: { ...kind, spec: 'any', status: 'any' } },
  Node: { description: 'Node is a worker node in Kubernetes.', group: '', fields: { ...kind, spec: 'any', status: 'any' } },
  ServiceAccount: {
    description: 'ServiceAccount binds together a name and what identifies it.', group: '',
    fields: { ...kind, automountServiceAccountToken: 'boolean', imagePullSecrets: '[any]', secrets: '[any]' },
  },
  ServicePort: {
    description: 'ServicePort contains information on a service\'s port.',
    fields: { appProtocol: 'string', name: 'string', nodePort: 'integer', port: 'integer', protocol: 'string', targetPort: 'int-or-string' },
  },
  ServiceSpec: {
    description: 'ServiceSpec describes the attributes that a user creates on a service.',
    fields: {
      allocateLoadBalancerNodePorts: 'boolean', clusterIP: 'string', clusterIPs: '[string]', externalIPs: '[string]',
      externalName: 'string', externalTrafficPolicy: 'string', healthCheckNodePort: 'integer', internalTrafficPolicy: 'string',
      ipFamilies: '[string]', ipFamilyPolicy: 'string', loadBalancerClass: 'string', loadBalancerIP: 'string',
      loadBalancerSourceRanges: '[string]', ports: '[ServicePort]', publishNotReadyAddresses: 'boolean', selector: 'strings',
      sessionAffinity: 'string', sessionAffinityConfig: 'any', trafficDistribution: 'string', type: 'string',
    },
  },
  Service: {
    description: 'Service is a named abstraction of software service.', group: '',
    fields: { ...kind, spec: 'ServiceSpec', status: 'any' },
  },
  Event: {
    description: 'Event is a report of an event somewhere in the cluster.', group: '',
    fields: {
      ...kind, action: 'string', count: 'integer', eventTime: 'string', firstTimestamp: 'string', involvedObject: 'any',
      lastTimestamp: 'string', message: 'string', reason: 'string', related: 'any', reportingComponent: 'string',
      reportingInstance: 'string', series: 'any', source: 'any', type: 'string',
    },
  },
  DeploymentSpec: {
    description: 'DeploymentSpec is the specification of the desired behavior of the Deployment.',
    fields: {
      minReadySeconds: 'integer', paused: 'boolean', progressDeadlineSeconds: 'integer', replicas: 'integer',
      revisionHistoryLimit: 'integer', selector: 'any', strategy: 'any', template: 'PodTemplateSpec',
    },
  },
  Deployment: {
    description: 'Deployment enables declarative updates for Pods and ReplicaSets.', group: 'apps',
    fields: { ...kind, spec: 'DeploymentSpec', status: 'any' },
  },
  CustomResourceDefinition: {
    description: 'CustomResourceDefinition represents a resource that should be exposed on the API server.', group: 'apiextensions.k8s.io',
    fields: { ...kind, spec: 'any', status: 'any' },
  },
  Route: {
    description: 'A route allows developers to expose services through an HTTP(S) aware load balancing and proxy layer.',
    group: 'route.openshift.io', fields: { ...kind, spec: 'any', status: 'any' },
  },
  Project: {
    description: 'Projects are the unit of isolation and collaboration in OpenShift.', group: 'project.openshift.io',
    fields: { ...kind, spec: 'any', status: 'any' },
  },
}
