import t from 'tap'
import { changesDiscovery } from '../../src/cache/changes.ts'
import { attributes } from '../support/builders.ts'

const crds = { apiGroup: 'apiextensions.k8s.io', apiVersion: 'v1', resource: 'customresourcedefinitions', namespace: '' }
const apiservices = { apiGroup: 'apiregistration.k8s.io', apiVersion: 'v1', resource: 'apiservices', namespace: '' }

t.test('a successful write of CRDs or APIServices changes discovery', async (t) => {
  for (const kind of [crds, apiservices]) {
    for (const verb of ['create', 'update', 'patch', 'delete', 'deletecollection']) {
      t.equal(changesDiscovery(attributes({ ...kind, verb }), 201), true, verb)
      t.equal(changesDiscovery(attributes({ ...kind, verb }), 409), false, `${verb} refused`)
      t.equal(changesDiscovery(attributes({ ...kind, verb, subresource: 'status' }), 200), true)
    }
    for (const verb of ['get', 'list', 'watch']) t.equal(changesDiscovery(attributes({ ...kind, verb }), 200), false, verb)
  }
})

t.test('nothing else does', async (t) => {
  t.equal(changesDiscovery(attributes({ verb: 'create' }), 201), false)
  t.equal(changesDiscovery(attributes({ ...crds, apiGroup: 'example.com', verb: 'create' }), 201), false, 'a resource of that name elsewhere')
  t.equal(changesDiscovery(attributes({ ...crds, verb: 'create', isResourceRequest: false }), 200), false)
})
