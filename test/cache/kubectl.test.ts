import t from 'tap'
import { createDiscoveryCache } from '../../src/cache/discovery.ts'
import { admitted, arrival, resolved } from '../support/builders.ts'
import { capturedRequests } from '../support/captures.ts'

/** The least that each document has to be. */
function bodyOf(path: string, contentType: string): string {
  if (contentType.includes('proto-openapi')) return '\x0a\x032.0'
  if (path === '/openapi/v3') return '{"paths":{}}'
  if (path.startsWith('/openapi/v3/')) return '{"openapi":"3.0.0"}'
  if (contentType.includes('as=APIGroupDiscoveryList')) return '{"kind":"APIGroupDiscoveryList","items":[]}'
  if (path === '/api') return '{"kind":"APIVersions"}'
  if (path === '/apis') return '{"kind":"APIGroupList"}'
  return '{"kind":"APIResourceList"}'
}

for (const client of ['kubectl-1.27', 'kubectl-1.33'] as const) {
  t.test(`${client} apply with an empty cache of its own: the second time, nothing reaches upstream`, async (t) => {
    const requests = capturedRequests(client)
    const typeOf = new Map(requests.map(({ url, contentType }) => [url.replace(/[?&]timeout=32s/, ''), contentType]))
    const asked: string[] = []
    const cache = createDiscoveryCache({
      cluster: {
        name: 'prod',
        async fetch(target) {
          asked.push(target)
          const contentType = typeOf.get(target) ?? ''
          const body = Buffer.from(bodyOf(target.split('?')[0] ?? '', contentType), 'latin1')
          return { status: 200, headers: ['Content-Type', contentType, 'Content-Length', String(body.length)], body }
        },
      },
      ttl: 600_000, staleFor: 0, maxSize: 64 << 20,
    })
    const run = () => Promise.all(requests.map(({ url, headers }) => cache.answer(admitted({
      arrival: arrival({ target: url, rawHeaders: headers, httpVersion: '2.0' }),
      resolved: resolved({ target: url, attributes: { isResourceRequest: false } }),
    }))))
    t.ok((await run()).every((answer) => answer?.status === 200))
    t.equal(new Set(asked).size, asked.length, 'each document once')
    const first = asked.length
    t.ok((await run()).every((answer) => answer?.cache === 'hit'))
    t.equal(asked.length, first)
  })
}
