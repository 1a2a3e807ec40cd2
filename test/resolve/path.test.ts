import t, { type Test } from 'tap'
import type { Attributes } from '../../src/model/attributes.ts'
import { readAttributes } from '../../src/resolve/path.ts'

type Row = [method: string, target: string, expected: Partial<Attributes> | undefined]

function check(rows: readonly Row[]) {
  return async (t: Test) => {
    for (const [method, target, expected] of rows) {
      const [path = '', query = ''] = target.split(/\?(.*)/s)
      const attributes = readAttributes(method, path, query)
      if (expected === undefined) t.equal(attributes, undefined, `${method} ${target}`)
      else t.match(attributes, expected, `${method} ${target}`)
    }
  }
}

t.test('resources stand under /api, /apis and /oapi', check([
  ['GET', '/api/v1/namespaces/a/pods/x/log', { apiPrefix: 'api', apiGroup: '', apiVersion: 'v1', namespace: 'a', resource: 'pods', name: 'x', subresource: 'log', verb: 'get' }],
  ['GET', '/apis/apps/v1/namespaces/a/deployments', { apiPrefix: 'apis', apiGroup: 'apps', apiVersion: 'v1', namespace: 'a', resource: 'deployments', verb: 'list' }],
  ['GET', '/oapi/v1/namespaces/a/routes/r', { apiPrefix: 'oapi', apiGroup: '', resource: 'routes', name: 'r' }],
  ['GET', '/Api/v1/pods', { isResourceRequest: false, verb: 'get' }],
  ['GET', '/apis/apps/v1', { isResourceRequest: false, apiPrefix: 'apis', apiGroup: '' }],
  ['GET', '/api/v1', { isResourceRequest: false, apiPrefix: '' }],
  ['GET', '/', { isResourceRequest: false, path: '/' }],
]))

t.test('a namespace is itself a resource, with status and finalize of its own', check([
  ['GET', '/api/v1/namespaces', { resource: 'namespaces', namespace: '', name: '', verb: 'list' }],
  ['GET', '/api/v1/namespaces/a', { resource: 'namespaces', namespace: 'a', name: 'a', verb: 'get' }],
  ['PUT', '/api/v1/namespaces/a/finalize', { resource: 'namespaces', name: 'a', subresource: 'finalize' }],
  ['GET', '/api/v1/namespaces/a/statuses', { resource: 'statuses', namespace: 'a', name: '' }],
]))

t.test('methods become verbs, and collections have their own', check([
  ['HEAD', '/api/v1/pods', { verb: 'list' }],
  ['POST', '/api/v1/pods', { verb: 'create' }],
  ['PUT', '/api/v1/namespaces/a/pods/x', { verb: 'update' }],
  ['PATCH', '/api/v1/namespaces/a/pods/x', { verb: 'patch' }],
  ['DELETE', '/api/v1/namespaces/a/pods/x', { verb: 'delete' }],
  ['DELETE', '/api/v1/namespaces/a/pods', { verb: 'deletecollection' }],
  ['DELETE', '/api/v1/pods?fieldSelector=metadata.name%3Dx', { verb: 'deletecollection', name: '' }],
  ['OPTIONS', '/api/v1/pods', { verb: '' }],
  ['get', '/api/v1/pods', { verb: '' }],
  ['constructor', '/api/v1/pods', { verb: '' }],
  ['PROPFIND', '/metrics', { verb: 'propfind' }],
]))

t.test('watch and proxy in the path are verbs', check([
  ['GET', '/api/v1/watch/pods', { verb: 'watch', resource: 'pods', name: '' }],
  ['GET', '/api/v1/watch/namespaces/a/pods/x', { verb: 'watch', namespace: 'a', resource: 'pods', name: 'x' }],
  ['GET', '/api/v1/proxy/namespaces/a/services/x/metrics/log', { verb: 'proxy', resource: 'services', name: 'x', subresource: '' }],
  ['DELETE', '/api/v1/proxy/nodes/n', { verb: 'proxy', resource: 'nodes', name: 'n' }],
  ['GET', '/api/v1/namespaces/watch/pods', { verb: 'list', namespace: 'watch' }],
  ['GET', '/api/v1/watch', undefined],
  ['GET', '/apis/apps/v1/proxy/', undefined],
]))

t.test('the watch parameter is read as Go reads a boolean option', check([
  ['GET', '/api/v1/pods?watch=1', { verb: 'watch' }],
  ['GET', '/api/v1/pods?watch=t', { verb: 'watch' }],
  ['GET', '/api/v1/pods?watch=TRUE', { verb: 'watch' }],
  ['GET', '/api/v1/pods?watch=no', { verb: 'watch' }],
  ['GET', '/api/v1/pods?watch', { verb: 'watch' }],
  ['GET', '/api/v1/pods?w%61tch=%74rue', { verb: 'watch' }],
  ['GET', '/api/v1/pods?watch=0', { verb: 'list' }],
  ['GET', '/api/v1/pods?watch=FALSE', { verb: 'list' }],
  ['GET', '/api/v1/pods?watch=fal%C5%BFe', { verb: 'list' }],
  ['GET', '/api/v1/pods?watch=false&watch=true', { verb: 'list' }],
  ['GET', '/api/v1/pods?watch=true&watch=false', { verb: 'watch' }],
  ['GET', '/api/v1/pods?Watch=true', { verb: 'list' }],
  ['GET', '/api/v1/pods?watch=true;x=1', { verb: 'list' }],
  ['GET', '/api/v1/pods?watch=%zz&watch=1', { verb: 'watch' }],
  ['GET', '/api/v1/namespaces/a/pods/x?watch=true', { verb: 'get' }],
]))

t.test('a field selector on metadata.name names the object', check([
  ['GET', '/api/v1/pods?fieldSelector=metadata.name%3Dx', { verb: 'list', name: 'x' }],
  ['GET', '/api/v1/pods?watch=1&fieldSelector=metadata.name==x', { verb: 'watch', name: 'x' }],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name!=x', { name: '' }],
  ['GET', '/api/v1/pods?fieldSelector=spec.nodeName=n,metadata.name=x', { name: 'x' }],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name=z,metadata.name=a', { name: 'a' }],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name%3Dx%2Cbad', { name: '' }],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name%3Da%5C%2Cb', { name: 'a,b' }],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name%3Da%5Cb', { name: '' }],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name%3Da=b', { name: '' }],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name%3D..', { name: '' }],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name%3Da%2Fb', { name: '' }],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name%3Da+b', { name: 'a b' }],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name=x&fieldSelector=metadata.name=y', { name: 'x' }],
]))

t.test('an option that does not parse makes the API server forget the name, but not the watch', check([
  ['GET', '/api/v1/pods?watch=1&fieldSelector=metadata.name=x&limit=abc', { verb: 'watch', name: '' }],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name=x&limit=', { name: '' }],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name=x&limit=9223372036854775808', { name: '' }],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name=x&timeoutSeconds=1.5', { name: '' }],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name=x&limit=-9223372036854775808&timeoutSeconds=%2B5', { name: 'x' }],
]))
