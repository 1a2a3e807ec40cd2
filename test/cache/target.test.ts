import t from 'tap'
import { readTarget } from '../../src/cache/target.ts'
import { capturedRequests } from '../support/captures.ts'

const rows: [target: string, kind: string | undefined, asked?: string][] = [
  ['/api', 'groups'],
  ['/api/', 'groups'],
  ['/apis', 'groups'],
  ['/oapi', 'groups'],
  ['/apis?timeout=32s', 'groups', '/apis'],
  ['/apis?timeout=32s&timeout=1s', 'groups', '/apis'],
  ['/apis?', 'groups', '/apis'],
  ['/api/v1', 'resources'],
  ['/oapi/v1', 'resources'],
  ['/apis/apps', 'group'],
  ['/apis/apps/v1', 'resources'],
  ['/apis/metrics.k8s.io/v1beta1/', 'resources'],
  ['/version', 'version'],
  ['/openapi/v2?timeout=32s', 'openapi-v2', '/openapi/v2'],
  ['/openapi/v3', 'openapi-v3-index'],
  ['/openapi/v3/api/v1?hash=7C93&timeout=32s', 'openapi-v3', '/openapi/v3/api/v1?hash=7C93'],
  ['/openapi/v3/apis/apps/v1', 'openapi-v3'],
  ['/openapi/v3/.well-known/openid-configuration', 'openapi-v3'],

  ['/apis?limit=1', undefined],
  ['/apis?watch=true', undefined],
  ['/apis?pretty=1', undefined],
  ['/apis?Timeout=1s', undefined],
  ['/apis?%74imeout=1s', undefined],
  ['/apis?hash=1', undefined],
  ['/openapi/v2?hash=1', undefined],
  ['/openapi/v3?hash=1', undefined],
  ['/openapi/v3/api/v1?hash=1&hash=2', undefined],
  ['/openapi/v3/api/v1?hash=1&x=2', undefined],
  ['/openapi/v3/api/v1?hash=', undefined],
  ['/openapi/v3/api/v1?hash=%31', undefined],
  ['/', undefined],
  ['/healthz', undefined],
  ['/API', undefined],
  ['/apiserver', undefined],
  ['/api//v1', undefined],
  ['/apis//', undefined],
  ['/apis/a%2Fb', undefined],
  ['/apis/a;b', undefined],
  ['/api/v1/pods', undefined],
  ['/api/v1/namespaces/a/pods', undefined],
  ['/apis/apps/v1/deployments', undefined],
  ['/openapi/v4', undefined],
  ['/openapi', undefined],
  ['/clusters/b/api', undefined],
]

for (const [target, kind, asked = target] of rows) {
  t.test(`${target} is ${kind ?? 'not for the cache'}`, async (t) => {
    t.strictSame(readTarget(target), kind === undefined ? undefined : { kind, target: asked })
  })
}

t.test('every discovery request of kubectl is for the cache', async (t) => {
  for (const client of ['kubectl-1.27', 'kubectl-1.33'] as const) {
    for (const { url } of capturedRequests(client)) t.ok(readTarget(url), `${client} ${url}`)
  }
})
