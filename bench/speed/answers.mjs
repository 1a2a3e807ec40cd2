// What is asked for, and what the API server answers.
import { Buffer } from 'node:buffer'

const name = (length) => 'x'.repeat(length)
const json = (status, body) => ({ whole: Buffer.concat([head(status, body.length), body]) })
const head = (status, length) => Buffer.from(
  `HTTP/1.1 ${status}\r\nAudit-Id: 3b1f7a70-0f3e-4b55-9c3e-6a3f0c9d2e11\r\nCache-Control: no-cache, private\r\nContent-Type: application/json\r\nX-Kubernetes-Pf-Flowschema-Uid: 5b3a8d7e-1c2f-4e6d-8a9b-0c1d2e3f4a5b\r\nX-Kubernetes-Pf-Prioritylevel-Uid: 6c4b9e8f-2d3a-4f7e-9b0c-1d2e3f4a5b6c\r\nDate: Sat, 28 Nov 2026 12:00:00 GMT\r\nContent-Length: ${length}\r\n\r\n`)

export const pod = '/api/v1/namespaces/team-1/pods/web-0'
export const events = '/api/v1/namespaces/team-1/configmaps'
export const list = (megabytes) => `/api/v1/namespaces/team-1/pods?limit=${megabytes}`
export const watch = '/api/v1/namespaces/team-1/pods?watch=true'
export const bookmark = '{"type":"BOOKMARK","object":{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"1"}}}\n'
export const discovery = '/apis'
export const exec = { path: '/api/v1/namespaces/team-1/pods/web-0/exec', bytes: 200 * 1024 * 1024 }

/** Of a POST: 4 KB. */
export const configMap = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'made', namespace: 'team-1' }, data: { filling: name(3980) } })

const groups = JSON.stringify({
  kind: 'APIGroupList', apiVersion: 'v1',
  groups: ['apps', 'batch', 'autoscaling', 'policy', 'rbac.authorization.k8s.io', 'networking.k8s.io', 'storage.k8s.io', 'certificates.k8s.io', 'coordination.k8s.io', 'discovery.k8s.io', 'node.k8s.io', 'scheduling.k8s.io', 'apiextensions.k8s.io', 'admissionregistration.k8s.io', 'flowcontrol.apiserver.k8s.io', 'events.k8s.io']
    .map((group) => ({ name: group, versions: [{ groupVersion: `${group}/v1`, version: 'v1' }], preferredVersion: { groupVersion: `${group}/v1`, version: 'v1' } })),
})
/** What the bare server answers from memory: the same bytes. */
export const discoveryBody = Buffer.from(groups)

export function answersOf() {
  const podBody = Buffer.from(JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web-0', namespace: 'team-1', annotations: { filling: name(1930) } } }))
  return new Map([
    [`GET ${pod}`, json('200 OK', podBody)],
    [`POST ${events}`, json('201 Created', Buffer.from(configMap))],
    ...[10, 100].map((megabytes) => [`GET ${list(megabytes)}`, { whole: head('200 OK', megabytes * 1e6), large: megabytes * 1e6 }]),
    ['GET /apis', json('200 OK', discoveryBody)],
    ['GET /api', json('200 OK', Buffer.from('{"kind":"APIVersions","versions":["v1"]}'))],
    ['GET /version', json('200 OK', Buffer.from('{"major":"1","minor":"36","gitVersion":"v1.36.2"}'))],
    ['missing', json('404 Not Found', Buffer.from('{"kind":"Status","apiVersion":"v1","status":"Failure","code":404}'))],
  ])
}
