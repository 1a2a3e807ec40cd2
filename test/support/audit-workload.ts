import { request, type Dispatcher } from 'undici'

/** A request that was sent: what it is, for people, and its Audit-ID. */
export interface Sent {
  readonly what: string
  readonly id: string
  readonly status: number
}

const configMap = (name: string, data: object, metadata: object = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data })
const json = 'application/json'
const base = '/api/v1/namespaces/default'

/** Of each kind of request one: reads, writes, errors, a watch, paths of no resource; as curl would send them, through a proxy at `url`. */
const rows: readonly (readonly [what: string, method: string, path: string, body?: object | string | undefined, type?: string | undefined, headers?: Readonly<Record<string, string>>])[] = [
  ['a list', 'GET', `${base}/pods`],
  ['a list of another group over all namespaces', 'GET', '/apis/apps/v1/deployments?limit=500'],
  ['a list of what is in no namespace', 'GET', '/api/v1/nodes?labelSelector=a%3Db&fieldSelector=metadata.name%3Dx'],
  ['a table, as kubectl asks for it', 'GET', `${base}/configmaps`, undefined, undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }],
  ['a create', 'POST', `${base}/configmaps?fieldManager=t`, configMap('a', { k: 'v' }), json],
  ['a create of what is there', 'POST', `${base}/configmaps`, configMap('a', {}), json],
  ['a create with a name to be made up', 'POST', `${base}/configmaps?dryRun=All`, { ...configMap('x', {}), metadata: { generateName: 'g-' } }, json],
  ['a create that is no object', 'POST', `${base}/configmaps`, '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"A_B"}}', json],
  ['a get', 'GET', `${base}/configmaps/a`],
  ['an update', 'PUT', `${base}/configmaps/a`, configMap('a', { k: 'w' }), json],
  ['an update that is too late', 'PUT', `${base}/configmaps/a`, configMap('a', { k: 'w' }, { resourceVersion: '1' }), json],
  ['a merge patch', 'PATCH', `${base}/configmaps/a`, { data: { k: 'x' } }, 'application/merge-patch+json'],
  ['a JSON patch', 'PATCH', `${base}/configmaps/a`, [{ op: 'add', path: '/data/l', value: 'm' }], 'application/json-patch+json'],
  ['a strategic merge patch', 'PATCH', `${base}/configmaps/a`, { metadata: { labels: { l: 'm' } } }, 'application/strategic-merge-patch+json'],
  ['an apply', 'PATCH', `${base}/configmaps/b?fieldManager=t&force=true`, configMap('b', { k: 'v' }), 'application/apply-patch+yaml'],
  ['a patch of what is not there', 'PATCH', `${base}/configmaps/none`, { data: {} }, 'application/merge-patch+json'],
  ['a get of what is not there', 'GET', `${base}/configmaps/none`],
  ['a get of a kind that is not there', 'GET', '/apis/none.example/v1/namespaces/default/nothings/x'],
  ['a secret that is made', 'POST', `${base}/secrets`, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { k: 'not-to-be-seen' } }, json],
  ['a secret that is read', 'GET', `${base}/secrets/s`],
  ['a subresource', 'PATCH', '/apis/apps/v1/namespaces/default/deployments/none/scale', { spec: { replicas: 1 } }, 'application/merge-patch+json'],
  ['a delete', 'DELETE', `${base}/configmaps/b`],
  ['a delete with options', 'DELETE', `${base}/configmaps/a`, { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background' }, json],
  ['a delete of a collection', 'DELETE', `${base}/configmaps?labelSelector=none%3Dsuch`],
  ['a watch that ends by itself', 'GET', `${base}/configmaps?watch=true&timeoutSeconds=1`],
  ['a watch that is refused', 'GET', `${base}/configmaps?watch=true&labelSelector=a%3D%3D%3Db%2C`],
  ['the log of a pod that is not there', 'GET', `${base}/pods/none/log`],
  ['a path of no resource', 'GET', '/healthz?verbose'],
  ['a path that is not there', 'GET', '/nothing/here'],
  ['the version', 'GET', '/version'],
]

/** Sends them one after the other; `dispatcher`: that trusts the proxy's certificate, where it has one. */
export async function auditWorkload(url: string, key: string, dispatcher?: Dispatcher): Promise<Sent[]> {
  const sent: Sent[] = []
  for (const [what, method, path, body, type, headers] of rows) {
    const { statusCode, headers: answered, body: answer } = await request(`${url}${path}`, {
      ...dispatcher === undefined ? {} : { dispatcher },
      method: method as 'GET', body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
      headers: { 'authorization': `Bearer ${key}`, 'user-agent': 'workload/1.0', 'accept': json, ...type === undefined ? {} : { 'content-type': type }, ...headers },
    })
    await answer.dump()
    sent.push({ what, id: String(answered['audit-id']), status: statusCode })
  }
  return sent
}
