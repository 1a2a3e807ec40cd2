import { Ajv } from 'ajv'
import type { Manifest } from './chart.ts'

// Kinds that no API server has by itself: their fields as far as the chart uses them, written down from the reference pages
// of OpenShift (route.openshift.io/v1), cert-manager (API reference, v1), the Gateway API (spec, v1) and the Prometheus
// operator (API reference, monitoring.coreos.com/v1).

const text = { type: 'string', minLength: 1 }
const texts = { type: 'array', items: text, minItems: 1 }
const duration = { type: 'string', pattern: '^([0-9]+(ms|s|m|h))+$' }
const port = { type: 'integer', minimum: 1, maximum: 65535 }

function closed(properties: Readonly<Record<string, object>>, required: readonly string[] = []): object {
  return { type: 'object', additionalProperties: false, properties, required }
}

function listOf(items: object): object {
  return { type: 'array', items, minItems: 1 }
}

const parentRef = closed({ group: text, kind: text, namespace: text, name: text, sectionName: text, port }, ['name'])
const backendRefs = listOf(closed({ group: { type: 'string' }, kind: text, name: text, namespace: text, port, weight: { type: 'integer' } }, ['name', 'port']))
const selector = closed({ matchLabels: { type: 'object', additionalProperties: text } }, ['matchLabels'])
const strings = { type: 'object', additionalProperties: { type: 'string' } }

/** Schemas of `spec`. */
const specs: Readonly<Record<string, object>> = {
  'route.openshift.io/v1 Route': closed({
    host: text, path: text, wildcardPolicy: text,
    to: closed({ kind: { const: 'Service' }, name: text, weight: { type: 'integer', minimum: 0, maximum: 256 } }, ['kind', 'name']),
    port: closed({ targetPort: { type: ['string', 'integer'] } }, ['targetPort']),
    tls: closed({
      termination: { enum: ['edge', 'passthrough', 'reencrypt'] }, insecureEdgeTerminationPolicy: { enum: ['None', 'Allow', 'Redirect'] },
      certificate: text, key: text, caCertificate: text, destinationCACertificate: text,
    }, ['termination']),
  }, ['to']),
  'cert-manager.io/v1 Certificate': closed({
    secretName: text, duration, renewBefore: duration, dnsNames: texts,
    issuerRef: closed({ name: text, kind: text, group: text }, ['name']),
    privateKey: closed({ algorithm: { enum: ['RSA', 'ECDSA', 'Ed25519'] }, encoding: { enum: ['PKCS1', 'PKCS8'] }, rotationPolicy: { enum: ['Always', 'Never'] }, size: { type: 'integer' } }),
    usages: { type: 'array', items: { enum: ['digital signature', 'key encipherment', 'server auth', 'client auth'] } },
  }, ['secretName', 'issuerRef']),
  'gateway.networking.k8s.io/v1 HTTPRoute': closed({
    parentRefs: listOf(parentRef), hostnames: texts,
    rules: listOf(closed({ name: text, backendRefs, timeouts: closed({ request: duration, backendRequest: duration }) })),
  }),
  'gateway.networking.k8s.io/v1 TLSRoute': closed({ parentRefs: listOf(parentRef), hostnames: texts, rules: listOf(closed({ name: text, backendRefs }, ['backendRefs'])) }, ['hostnames', 'rules']),
  'gateway.networking.k8s.io/v1 BackendTLSPolicy': closed({
    targetRefs: listOf(closed({ group: { type: 'string' }, kind: text, name: text, sectionName: text }, ['group', 'kind', 'name'])),
    options: strings,
    validation: {
      ...closed({ hostname: text, caCertificateRefs: listOf(closed({ group: { type: 'string' }, kind: text, name: text }, ['group', 'kind', 'name'])), wellKnownCACertificates: { const: 'System' } }, ['hostname']),
      oneOf: [{ required: ['caCertificateRefs'] }, { required: ['wellKnownCACertificates'] }],
    },
  }, ['targetRefs', 'validation']),
  'monitoring.coreos.com/v1 ServiceMonitor': closed({
    jobLabel: text, targetLabels: texts, selector, namespaceSelector: closed({ any: { type: 'boolean' }, matchNames: texts }),
    endpoints: listOf(closed({ port: text, path: text, scheme: text, interval: duration, scrapeTimeout: duration, honorLabels: { type: 'boolean' } }, ['port'])),
  }, ['selector', 'endpoints']),
  'monitoring.coreos.com/v1 PrometheusRule': closed({
    groups: listOf(closed({
      name: text, interval: duration,
      rules: listOf(closed({ alert: text, expr: text, for: duration, keep_firing_for: duration, labels: strings, annotations: strings }, ['alert', 'expr'])),
    }, ['name', 'rules'])),
  }, ['groups']),
}

const ajv = new Ajv({ allowUnionTypes: true })
const checks = new Map(Object.entries(specs).map(([kind, spec]) => [kind, ajv.compile({
  type: 'object', additionalProperties: false, required: ['apiVersion', 'kind', 'metadata', 'spec'],
  properties: {
    apiVersion: text, kind: text, spec,
    metadata: closed({ name: text, namespace: text, labels: strings, annotations: strings }, ['name', 'namespace', 'labels']),
  },
})]))

/** What is wrong with a manifest of one of these kinds; a kind that is none of them is wrong. */
export function customFaults(manifest: Manifest): string[] {
  const check = checks.get(`${manifest.apiVersion} ${manifest.kind}`)
  if (check === undefined) return [`${manifest.apiVersion} ${manifest.kind}: is not known`]
  check(manifest)
  return (check.errors ?? []).map(({ instancePath, message, params }) => `${instancePath}: ${message} ${JSON.stringify(params)}`)
}
