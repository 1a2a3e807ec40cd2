// Server-side apply creates by PATCH, and some kinds are created by PUT: upstream's own check of `create`
// would be made of our account.
import t from 'tap'
import { callerEntry, startTarget } from '../support/attack-target.ts'
import { keyFor } from '../support/keys.ts'

const groups = ['', 'coordination.k8s.io', 'node.k8s.io', 'rbac.authorization.k8s.io', 'events.k8s.io', 'apps']
const acknowledge = ['grant-role', 'own-credential']
const caller = (verbs: string[]) => [{ apiGroups: groups, resources: ['*'], verbs, namespaces: ['*'], acknowledge }]
const keys = { narrow: keyFor('narrow00'), wide: keyFor('wide0000') }
const target = await startTarget(t, {
  callers: [callerEntry('narrow', keys.narrow, caller(['patch', 'update'])), callerEntry('wide', keys.wide, caller(['patch', 'update', 'create']))],
})

const apply = ['application/apply-patch+yaml', 'application/apply-patch+cbor', 'Application/Apply-Patch+YAML', 'application/apply-patch+yaml; charset=utf-8', 'application/apply-patch+yaml ;x']
const plainPatches = ['application/merge-patch+json', 'application/json-patch+json', 'application/strategic-merge-patch+json']
const createdByPut = [
  '/api/v1/namespaces/a/services/x', '/api/v1/namespaces/a/endpoints/x', '/api/v1/namespaces/a/events/x', '/api/v1/namespaces/a/limitranges/x',
  '/apis/coordination.k8s.io/v1/namespaces/a/leases/x', '/apis/node.k8s.io/v1/runtimeclasses/x', '/apis/events.k8s.io/v1/namespaces/a/events/x',
  '/apis/rbac.authorization.k8s.io/v1/namespaces/a/roles/x', '/apis/rbac.authorization.k8s.io/v1/clusterroles/x',
  '/apis/rbac.authorization.k8s.io/v1/namespaces/a/rolebindings/x', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/x',
]
const deployment = '/apis/apps/v1/namespaces/a/deployments/x'

for (const way of ['plain', 'tls', 'http2'] as const) {
  t.test(`${way}: server-side apply needs create beside patch`, async (t) => {
    for (const type of apply) {
      const attack = { method: 'PATCH', target: `${deployment}?fieldManager=x`, headers: ['Content-Type', type], body: 'kind: x' }
      await target.refused(t, way, { ...attack, key: keys.narrow.key }, { status: 403, code: 'ScopeDenied' }, type)
      t.equal((await target.send(way, { ...attack, key: keys.wide.key })).status, 200, `${type} with create`)
    }
    for (const type of plainPatches) {
      const { status } = await target.send(way, { method: 'PATCH', target: deployment, headers: ['Content-Type', type], body: '{}', key: keys.narrow.key })
      t.equal(status, 200, `${type} without create`)
    }
  })

  t.test(`${way}: two content types are no way around`, async (t) => {
    const headers = ['Content-Type', 'application/merge-patch+json', 'Content-Type', 'application/apply-patch+yaml']
    const malformed = { status: 400, code: 'MalformedHeader' }
    await target.refused(t, way, { method: 'PATCH', target: deployment, headers, body: '{}', key: keys.narrow.key }, malformed)
  })

  t.test(`${way}: PUT of what the API server creates on update needs create beside update`, async (t) => {
    for (const path of createdByPut) {
      const attack = { method: 'PUT', target: path, headers: ['Content-Type', 'application/json'], body: '{}' }
      await target.refused(t, way, { ...attack, key: keys.narrow.key }, { status: 403, code: 'ScopeDenied' })
      t.equal((await target.send(way, { ...attack, key: keys.wide.key })).status, 200, `${path} with create`)
    }
    const { status } = await target.send(way, { method: 'PUT', target: deployment, body: '{}', key: keys.narrow.key })
    t.equal(status, 200, 'a Deployment is never created by PUT')
  })
}

t.test('no sink holds a secret', (t) => target.silentSinks(t, Object.values(keys).map(({ key }) => key)))
