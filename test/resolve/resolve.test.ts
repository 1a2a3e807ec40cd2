import fc from 'fast-check'
import t from 'tap'
import { isLongRunning } from '../../src/resolve/long-running.ts'
import { splitPath } from '../../src/resolve/path.ts'
import { createResolve, resolveTarget } from '../../src/resolve/resolve.ts'
import { arrival, attributes } from '../support/builders.ts'

t.test('the cluster prefix is taken off, and the rest goes up byte for byte', async (t) => {
  const rows: [string, string | undefined, string][] = [
    ['/api/v1/pods?limit=5&x=%41', undefined, '/api/v1/pods?limit=5&x=%41'],
    ['/clusters/b/api/v1/pods/x%3Ay?limit=5', 'b', '/api/v1/pods/x%3Ay?limit=5'],
    ['/clusters/b', 'b', '/'],
    ['/clusters/b/', 'b', '/'],
    ['/clusters/b?watch=1', 'b', '/?watch=1'],
    ['/clusters/b/api?', 'b', '/api?'],
    ['/clusters/b/clusters/c/api', 'b', '/clusters/c/api'],
    ['/clusters/pr%6fd/api', 'pr%6fd', '/api'],
    ['/clusters', undefined, '/clusters'],
    ['/clusters/', undefined, '/clusters/'],
    ['/clustersb/api', undefined, '/clustersb/api'],
  ]
  for (const [target, cluster, upstream] of rows) {
    const resolved = resolveTarget('GET', target)
    t.equal(resolved.cluster, cluster, target)
    t.equal(resolved.target, upstream, target)
  }
})

t.test('attributes are those of what goes up, not of the prefix', async (t) => {
  const resolved = createResolve()(arrival({ target: '/clusters/b/api/v1/namespaces/a/pods/x/log?follow=true' }))
  t.match(resolved, {
    cluster: 'b', longRunning: true, attributes: { path: '/api/v1/namespaces/a/pods/x/log', namespace: 'a', subresource: 'log' },
  })
})

t.test('long-running is what the API server and OpenShift run without a time limit', async (t) => {
  const long = [
    { verb: 'watch' }, { verb: 'proxy' }, { verb: 'get', subresource: 'log' }, { subresource: 'exec' }, { subresource: 'attach' },
    { subresource: 'portforward' }, { resource: 'nodes', subresource: 'proxy' },
    { resource: 'buildconfigs', subresource: 'instantiatebinary' }, { resource: 'imagestreamimports', verb: 'create' },
    { isResourceRequest: false, path: '/debug/pprof/profile' },
  ]
  const short = [
    {}, { subresource: 'status' }, { resource: 'builds', subresource: 'instantiatebinary' },
    { resource: 'buildconfigs', subresource: 'instantiate' }, { resource: 'imagestreams' },
    { isResourceRequest: false, path: '/debug/pprof' }, { isResourceRequest: false, path: '/logs/kube-apiserver.log' },
  ]
  for (const some of long) t.equal(isLongRunning(attributes(some)), true, JSON.stringify(some))
  for (const some of short) t.equal(isLongRunning(attributes(some)), false, JSON.stringify(some))
})

t.test('whatever is let through has one reading: decoding it again changes no segment', async () => {
  const piece = fc.constantFrom(
    'api', 'v1', 'apis', 'namespaces', 'a', 'pods', 'proxy', 'watch', 'x%2Fy', '..', '%2e%2e', '%252e', '', ';', 'x;y', '%5C', '%00', 'exec', '%41',
  )
  fc.assert(fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
    const target = `/${pieces.join('/')}`
    let resolved
    try {
      resolved = resolveTarget('GET', target)
    } catch {
      return
    }
    const { path, verb, subresource } = resolved.attributes
    const segments = splitPath(path)
    const opaque = verb === 'proxy' || subresource === 'proxy'
    if (segments.some(segment => segment === '' || segment === '.' || segment === '..')) throw new Error(`dots or nothing in ${target}`)
    if (!opaque && segments.length !== splitPath(target).length) throw new Error(`another count of segments in ${target}`)
    if (/[\\\0]/.test(path)) throw new Error(`control characters in ${target}`)
  }), { numRuns: 5_000 })
})
