import t from 'tap'
import { createResolve, resolveTarget } from '../../src/resolve/resolve.ts'
import { arrival } from '../support/builders.ts'

const key = 'pcl_k7Q2mX9a_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg2pZTdb'

/** What is refused, and why; each beside a neighbour that is not. */
const refused: Readonly<Record<string, { bad: string[], good: string[] }>> = {
  'a target in another form than a path': {
    bad: ['http://other/api', 'https://other/api/v1/secrets', 'other:443', '*', '', 'api/v1'],
    good: ['/', '/api', '/api/v1/pods?'],
  },
  'a fragment': {
    bad: ['/version#/../api/v1/secrets', '/version?x=1#y', '/#'],
    good: ['/version?x=%23'],
  },
  'dot segments, plain and encoded, once and twice': {
    bad: [
      '/api/v1/namespaces/a/pods/../secrets', '/api/v1/./pods', '/..', '/api/v1/namespaces/a/pods/%2e%2e/secrets',
      '/api/v1/namespaces/a/pods/.%2E', '/api/v1/namespaces/a/pods/..%2fsecrets', '/api/v1/%252e%252e/secrets',
      '/api/v1/%25252e%25252e', '/api/v1/..;/secrets', '/api/v1/pods/..%5csecrets',
    ],
    good: ['/api/v1/namespaces/a/configmaps/x..y', '/api/v1/namespaces/a/configmaps/...', '/.well-known/openid-configuration'],
  },
  'empty segments': {
    bad: ['//api/v1/secrets', '/api//v1', '/api/v1/pods//', '//', '/clusters//api'],
    good: ['/api/v1/pods/', '/api/'],
  },
  'encoded slashes and backslashes': {
    bad: [
      '/api/v1/namespaces/a%2Fsecrets', '/api/v1/namespaces/a/pods/x%2Fexec', '/api/v1/namespaces/a/pods/x%252fexec',
      '/api/v1/namespaces/a/pods/x%2Fproxy/y', '/api/v1/namespaces/a/pods/x%5Cexec', '/api/v1/namespaces/a/pods/x\\exec',
      '/api/v1/namespaces/a/pods/x%255Cexec', '/api%2Fv1/secrets',
    ],
    good: ['/api/v1/namespaces/a/pods/x%3Ay'],
  },
  'an encoded slash where only a namespace or an object is named proxy': {
    bad: [
      '/api/v1/namespaces/proxy/pods/x%2Fexec', '/api/v1/namespaces/a/pods/proxy/x%2Fy',
      '/api/v1/namespaces/a/services/proxy%2Fx', '/apis/apps/v1/namespaces/a/deployments/proxy/x%2Fy', '/proxy/a%2Fb',
    ],
    good: [
      '/api/v1/namespaces/a/services/x/proxy/a%2Fb', '/api/v1/namespaces/a/pods/x/proxy/a;b=1/c',
      '/api/v1/proxy/namespaces/a/services/x/a%2Fb', '/api/v1/nodes/n/proxy/a%252Fb',
      '/clusters/b/api/v1/namespaces/a/services/x/proxy/a%2Fb',
    ],
  },
  'dot and empty segments in what a proxy gets': {
    bad: [
      '/api/v1/namespaces/a/services/x/proxy/../y', '/api/v1/namespaces/a/services/x/proxy/a%2F..%2Fb',
      '/api/v1/namespaces/a/services/x/proxy/a%252F%252e%252e', '/api/v1/namespaces/a/services/x/proxy/..;x/y',
      '/api/v1/namespaces/a/services/x/proxy/a%5C..', '/api/v1/namespaces/a/services/x/proxy/a%2F%2Fb',
    ],
    good: ['/api/v1/namespaces/a/services/x/proxy/', '/api/v1/namespaces/a/services/x/proxy/a/b/'],
  },
  'path parameters': {
    bad: ['/api/v1/namespaces/a/pods;x=1', '/api/v1/namespaces/a/pods%3Bx=1/y', '/api;/v1/secrets'],
    good: ['/api/v1/namespaces/a/pods/system:x'],
  },
  'control characters': {
    bad: ['/api/v1/pods/%00', '/api/v1/pods/x%0d%0ay', '/api/v1/pods/%7f', '/api/v1/pods/%C2%85', '/api/v1/pods/%2500', '/a b', '/a\tb', '/a\u0000'],
    good: ['/api/v1/pods/x%20y', '/api/v1/namespaces/a/pods/x/exec?command=a%0ab'],
  },
  'invalid escapes and bytes that are no UTF-8': {
    bad: [
      '/api/v1/pods/%', '/api/v1/pods/%4', '/api/v1/pods/%zz', '/api/v1/pods/%ff', '/api/v1/pods/%c0%af', '/api/v1/pods/%ed%a0%80',
      '/api/v1/pods?watch=%', '/api/v1/pods?watch=%zz', '/api/v1/pods?x=%ff', '/api/v1/pods/\u00e9', '/api/v1/pods?x=\u00e9',
    ],
    good: ['/api/v1/pods/%C3%A9', '/api/v1/pods?x=%C3%A9+b'],
  },
  'what is encoded over and over': {
    bad: [`/api/v1/pods/x%${'25'.repeat(20)}41`],
    good: ['/api/v1/pods/x%252541'],
  },
  'a query of more parts than Go reads alike': {
    bad: [`/api/v1/pods?${'&'.repeat(1_000)}watch=true`, `/api/v1/pods?fieldSelector=metadata.name%3Dx${'&'.repeat(10_000)}`],
    good: [`/api/v1/pods?${'&'.repeat(999)}watch=true`],
  },
  'a semicolon that hides a field selector from us or from an older API server': {
    bad: ['/api/v1/secrets?q;fieldSelector=metadata.name%3Dy&fieldSelector=metadata.name%3Dx', '/api/v1/secrets?q;field%53elector=x'],
    good: ['/api/v1/secrets?watch=true;x=1', '/api/v1/pods?fieldSelector=a%3Db&x;y'],
  },
  'a string of key form': {
    bad: [
      `/apis/oauth.openshift.io/v1/oauthaccesstokens/${key}`, `/api/v1/pods?token=${key}`, `/api/v1/pods/x-${key}-y`,
      `/apis/oauth.openshift.io/v1/oauthaccesstokens/${key.replace('pcl_', 'p%63l%5F')}`, `/api/v1/pods?x=${key.replace('pcl', '%70cl')}`,
      `/clusters/${key}/api`,
    ],
    good: ['/api/v1/namespaces/a/pods/pcl_k7Q2mX9a', '/api/v1/namespaces/a/pods/pcl_short_x'],
  },
  'a cluster prefix that is not plain': {
    bad: ['/clusters/%2e%2e/api', '/clusters/../api', '/clusters/a%2Fb/api', '/%63lusters/b/api/v1/secrets', '/cluster%73/b'],
    good: ['/clusters/b/api', '/clusters/b', '/clusters', '/clusters/'],
  },
}

for (const [name, { bad, good }] of Object.entries(refused)) {
  t.test(`${name}: refused, and its harmless neighbours are not`, async (t) => {
    for (const target of bad) t.throws(() => resolveTarget('GET', target), { code: 'MalformedTarget' }, JSON.stringify(target.slice(0, 100)))
    for (const target of good) t.doesNotThrow(() => resolveTarget('GET', target), JSON.stringify(target.slice(0, 100)))
  })
}

t.test('a refused target does not come back in the message', async (t) => {
  t.throws(() => resolveTarget('GET', `/api/v1/pods/${key}`), { message: 'the request target holds an API key' })
})

t.test('what the API server cannot resolve is malformed', async (t) => {
  t.throws(() => resolveTarget('GET', '/api/v1/watch'), { code: 'MalformedTarget' })
})

t.test('methods the API server does not serve are refused before the target is read', async (t) => {
  const resolve = createResolve()
  for (const method of ['CONNECT', 'TRACE', 'PROPFIND', 'get', 'Get', '', 'constructor']) {
    t.throws(() => resolve(arrival({ method, target: 'other:443' })), { code: 'MethodNotAllowed' }, method)
  }
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    t.doesNotThrow(() => resolve(arrival({ method })), method)
  }
})

t.test('a megabyte of escapes is judged in bounded time', async (t) => {
  const started = process.cpuUsage()
  for (const target of [`/x%${'25'.repeat(32_000)}`, `/${'%2f'.repeat(20_000)}`, `/${'/'.repeat(64_000)}`, `/api/v1/pods?${'%25'.repeat(20_000)}`]) {
    try {
      resolveTarget('GET', target)
    } catch {
      // Refused or not: it is the time that matters.
    }
  }
  t.ok(process.cpuUsage(started).user < 1_000_000)
})
