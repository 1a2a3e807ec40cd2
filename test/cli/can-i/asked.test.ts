import t from 'tap'
import { readAsked, type AskedFor } from '../../../src/cli/can-i/asked.ts'
import type { Attributes } from '../../../src/model/attributes.ts'

const asked = (resource: string, more: Partial<AskedFor> = {}) => readAsked({ verb: 'get', resource, namespace: undefined, subresource: undefined, ...more })

t.test('a resource by whatever name kubectl takes', async (t) => {
  const rows: [string, Partial<Attributes>][] = [
    ['pods', { apiGroup: '', resource: 'pods' }], ['po', { resource: 'pods' }], ['pod/x', { resource: 'pods', name: 'x' }], ['Pod', { resource: 'pods' }],
    ['deploy', { apiGroup: 'apps', resource: 'deployments' }], ['Deployment.apps', { apiGroup: 'apps', resource: 'deployments' }],
    ['deploy.apps/web', { apiGroup: 'apps', resource: 'deployments', name: 'web' }], ['svc', { apiGroup: '', resource: 'services' }],
    ['ingress', { apiGroup: 'networking.k8s.io', resource: 'ingresses' }], ['netpol', { resource: 'networkpolicies' }], ['NetworkPolicy', { resource: 'networkpolicies' }],
    ['StorageClass', { apiGroup: 'storage.k8s.io', resource: 'storageclasses' }], ['componentstatus', { resource: 'componentstatuses' }], ['lease', { resource: 'leases' }],
    ['Endpoints', { resource: 'endpoints' }], ['ep', { resource: 'endpoints' }], ['scc', { apiGroup: 'security.openshift.io', resource: 'securitycontextconstraints' }],
    ['dc', { apiGroup: 'apps.openshift.io', resource: 'deploymentconfigs' }], ['is/web', { resource: 'imagestreams', name: 'web' }], ['crd', { resource: 'customresourcedefinitions' }],
    ['widgets.example.com', { apiGroup: 'example.com', resource: 'widgets' }], ['Widgets', { apiGroup: '', resource: 'Widgets' }], ['*', { resource: '*' }],
    ['constructor', { resource: 'constructor' }], ['deployments.', { apiGroup: '', resource: 'deployments' }],
    ['events.events.k8s.io', { apiGroup: 'events.k8s.io', resource: 'events' }], ['/metrics', { isResourceRequest: false, path: '/metrics', resource: '' }],
  ]
  for (const [text, attributes] of rows) t.match(asked(text).attributes, attributes, text)
})

t.test('what has no namespace is asked about without one, and a namespace lies in itself', async (t) => {
  const rows: [string, string | undefined, string, string[]][] = [
    ['nodes', 'team-a', '', ['resource \'nodes\' is not namespace scoped']],
    ['clusterroles', 'team-a', '', ['resource \'clusterroles\' is not namespace scoped in group \'rbac.authorization.k8s.io\'']],
    ['nodes', undefined, '', []], ['pods', 'team-a', 'team-a', []], ['widgets.example.com', 'team-a', 'team-a', []],
    ['ns/team-b', undefined, 'team-b', []], ['ns', 'team-b', '', ['resource \'namespaces\' is not namespace scoped']],
  ]
  for (const [text, namespace, judgedIn, warnings] of rows) {
    const { attributes, warnings: given } = asked(text, { namespace })
    t.strictSame([attributes.namespace, given], [judgedIn, warnings], text)
  }
})

t.test('a question that may not be meant so is warned of', async (t) => {
  t.strictSame(asked('pods/log').warnings, ['pods/log is the object of that name; for the subresource: pods --subresource log'])
  t.strictSame(asked('pods/web-0', { subresource: 'exec' }).warnings, ['kubectl exec needs create on pods/exec, by whichever protocol'])
  t.strictSame(asked('pods', { subresource: 'portforward' }).warnings, ['kubectl port-forward needs create on pods/portforward, by whichever protocol'])
  t.strictSame(asked('pods/web-0', { subresource: 'exec', verb: 'create' }).warnings, [])
  t.throws(() => asked('/metrics', { subresource: 'log' }), /says nothing of a path/)
})
