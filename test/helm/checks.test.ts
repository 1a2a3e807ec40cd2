// What the chart is held against has to find what it is there to find.
import t from 'tap'
import { find, render, valuesFile, type Manifest } from '../support/chart.ts'
import { customFaults } from '../support/custom-kinds.ts'
import { typeFaults } from '../support/kubernetes-types.ts'
import { plainSecrets } from '../support/plain-secrets.ts'
import { podSpecs, restrictedFaults } from '../support/pod-security.ts'

const { manifests } = await render(['--values', valuesFile('watched'), '--set', 'route.enabled=true'])

type Tree = { [name: string]: Tree } & Tree[]

/** A copy with one thing changed. */
function damaged(kind: string, change: (manifest: Tree) => void): Manifest {
  const copy = structuredClone(find(manifests, kind)) as unknown as Tree
  change(copy)
  return copy as unknown as Manifest
}

const set = (at: Tree | undefined, name: string, value: unknown) => { (at as unknown as Record<string, unknown>)[name] = value }
const container = (manifest: Tree) => manifest['spec']?.['template']?.['spec']?.['containers']?.[0] as Tree
const pod = (manifest: Tree) => manifest['spec']?.['template']?.['spec'] as Tree

t.test('fields of Kubernetes: unknown, missing, of another type, of another version', async (t) => {
  const faults = (kind: string, change: (manifest: Tree) => void) => typeFaults(damaged(kind, change))
  t.strictSame(faults('Deployment', m => set(container(m), 'comand', [])), ['.spec.template.spec.containers[0].comand: V1Container has no such field'])
  t.strictSame(faults('Deployment', m => set(m['spec'], 'replicas', '2')), ['.spec.replicas: "2" is no number'])
  t.strictSame(faults('Deployment', m => delete container(m)['name']), ['.spec.template.spec.containers[0].name: is missing'])
  t.strictSame(faults('Deployment', m => set(m['metadata']?.['labels'], 'x', 1)), ['.metadata.labels.x: 1 is no string'])
  t.strictSame(faults('Deployment', m => set(m, 'apiVersion', 'extensions/v1beta1')), ['.apiVersion: Deployment is of apps/v1, not extensions/v1beta1'])
  t.strictSame(faults('NetworkPolicy', m => set(m['spec']?.['ingress']?.[0], 'form', [])), ['.spec.ingress[0].form: V1NetworkPolicyIngressRule has no such field'])
  t.strictSame(faults('Service', m => set(m['spec'], 'ports', {})), ['.spec.ports: no list'])
})

t.test('kinds of others', async (t) => {
  const faults = (kind: string, change: (manifest: Tree) => void) => customFaults(damaged(kind, change)).join('\n')
  t.match(faults('ServiceMonitor', m => set(m['spec']?.['endpoints']?.[0], 'intervall', '3s')), /additional properties .*intervall/)
  t.match(faults('Route', m => set(m['spec']?.['tls'], 'termination', 'edges')), /allowed values/)
  t.match(faults('PrometheusRule', m => set(m['spec']?.['groups']?.[0]?.['rules']?.[0], 'for', 120)), /must be string/)
  t.match(faults('Route', m => set(m, 'apiVersion', 'v1')), /is not known/)
})

t.test('the restricted Pod Security Standard: each of its controls', async (t) => {
  const faults = (change: (manifest: Tree) => void) => podSpecs(damaged('Deployment', change)).flatMap(restrictedFaults).join('\n')
  const context = (m: Tree) => container(m)['securityContext']
  t.equal(faults(() => {}), '')
  t.match(faults(m => set(pod(m), 'hostNetwork', true)), /hostNetwork is true/)
  t.match(faults(m => set(pod(m)['volumes']?.[0], 'hostPath', { path: '/' })), /not allowed/)
  t.match(faults(m => set(pod(m)['securityContext'], 'runAsNonRoot', false)), /may run as root/)
  t.match(faults(m => set(pod(m)['securityContext'], 'runAsUser', 0)), /runAsUser is 0/)
  t.match(faults(m => set(pod(m)['securityContext'], 'seccompProfile', { type: 'Unconfined' })), /seccomp/)
  t.match(faults(m => set(pod(m)['securityContext'], 'sysctls', [{ name: 'kernel.msgmax' }])), /sysctl/)
  t.match(faults(m => set(context(m), 'allowPrivilegeEscalation', undefined)), /escalate/)
  t.match(faults(m => set(context(m), 'capabilities', { drop: ['NET_RAW'] })), /drop ALL/)
  t.match(faults(m => set(context(m), 'capabilities', { drop: ['ALL'], add: ['SYS_ADMIN'] })), /adds/)
  t.match(faults(m => set(context(m), 'privileged', true)), /privileged/)
  t.match(faults(m => set(context(m), 'runAsUser', 0)), /runs as root/)
  t.match(faults(m => set(context(m), 'procMount', 'Unmasked')), /proc/)
  t.match(faults(m => set(container(m)['ports']?.[0], 'hostPort', 443)), /ports of the host/)
  t.match(faults(m => set(pod(m), 'initContainers', [{ name: 'first' }])), /container first may escalate/)
})

t.test('secrets in plain sight: in ConfigMaps, arguments, variables', async (t) => {
  const inConfig = (text: string) => plainSecrets([damaged('ConfigMap', m => set(m['data'], 'x', text))]).join('\n')
  t.equal(inConfig('credential: { tokenFile: /var/run/secrets/token }\npassword: { fromFile: x }'), '')
  for (const secret of [
    '-----BEGIN EC PRIVATE KEY-----', 'pcl_k7Q2mX9a_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg2pZTdb', `sha256: ${'5f'.repeat(32)}`,
    'token: opaque', 'password: "hunter2"', 'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2ln', 'sha256~0123456789abcdefghijklmn', 'https://me:secret@example.com',
  ]) t.match(inConfig(secret), /^ConfigMap\/.*: (a|the)/, secret)
  t.match(plainSecrets([damaged('Deployment', m => set(container(m), 'args', ['--token: abc']))]), [/a password/])
  t.match(plainSecrets([damaged('Deployment', m => set(container(m), 'env', [{ name: 'OLD_TOKEN', value: 'abc' }]))]), [/OLD_TOKEN/])
  t.strictSame(plainSecrets([damaged('Deployment', m => set(container(m), 'env', [{ name: 'OLD_TOKEN', valueFrom: {} }]))]), [])
})
