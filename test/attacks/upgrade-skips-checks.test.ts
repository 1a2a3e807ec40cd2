// The upgrade path must not be a second door: the same refusals as for plain requests, and h2c never.
import t from 'tap'
import { callerEntry, codeOf, startTarget, type Refusal } from '../support/attack-target.ts'
import { keyFor } from '../support/keys.ts'
import { spdyHeaders, webSocketHeaders } from '../support/upgrades.ts'

const revoked = keyFor('revoked0')
const expired = keyFor('expired0')
const scopeless = keyFor('scopeles')
const day = { createdAt: '2026-01-01T00:00:00Z' }
const target = await startTarget(t, {
  manyAddresses: true,
  clusters: ['b'],
  callers: [
    { name: 'gone', keys: [{ id: revoked.id, sha256: revoked.sha256, ...day, revokedAt: '2026-01-02T00:00:00Z' }] },
    { name: 'late', keys: [{ id: expired.id, sha256: expired.sha256, ...day, expiresAt: '2026-01-02T00:00:00Z' }] },
    callerEntry('scopeless', scopeless, [], { clusters: ['prod'], discovery: false }),
  ],
})

const h2c = ['Connection', 'Upgrade, HTTP2-Settings', 'Upgrade', 'h2c', 'HTTP2-Settings', 'AAMAAABkAARAAAAAAAIAAAAA']
const upgrades: readonly (readonly string[])[] = [
  webSocketHeaders('v5.channel.k8s.io'), spdyHeaders(), h2c, ['Connection', 'Upgrade', 'Upgrade', 'WebSocket, h2c'],
]
const routes = [
  '/', '/api', '/apis', '/version', '/healthz', '/metrics', '/openapi/v3', '/api/v1/secrets', '/api/v1/namespaces/a/pods?watch=true',
  '/api/v1/namespaces/a/pods/x/exec?command=sh', '/api/v1/namespaces/a/pods/x/log?follow=true', '/api/v1/namespaces/a/services/x/proxy/y',
  '/clusters/prod/api/v1/namespaces/a/pods/x/exec', '/v2/', '/swagger.json',
]
const keys: readonly (readonly [key: string | null, expected: Refusal])[] = [
  [null, { status: 401, code: 'MissingKey' }],
  [keyFor('nobody00').key, { status: 401, code: 'UnknownKey' }],
  [keyFor('rootroot').key, { status: 401, code: 'UnknownKey' }],
  [revoked.key, { status: 401, code: 'RevokedKey' }],
  [expired.key, { status: 401, code: 'ExpiredKey' }],
  [scopeless.key, { status: 403, code: 'ScopeDenied' }],
]

for (const way of ['plain', 'tls'] as const) {
  t.test(`${way}: an upgrade is refused where, and as, a plain request is`, async (t) => {
    for (const route of routes) {
      for (const [key, expected] of keys) {
        const plain = await target.send(way, { target: route, key })
        t.equal(codeOf(plain.body), expected.code, `plain ${route}`)
        for (const headers of upgrades) {
          const answered = await target.send(way, { target: route, key, headers })
          t.equal(answered.status, expected.status, `${route} ${headers[3]}: ${expected.code}`)
          t.equal(codeOf(answered.body), expected.code)
        }
      }
    }
  })

  t.test(`${way}: such a refusal leaves one record and nothing upstream`, async (t) => {
    for (const [key, expected] of keys) {
      for (const headers of upgrades) {
        await target.refused(t, way, { target: '/api/v1/namespaces/a/pods/x/exec', key, headers }, expected, `${expected.code} ${headers[3]}`)
      }
    }
    const denied = { status: 403, code: 'ClusterDenied' }
    await target.refused(t, way, { target: '/clusters/b/api/v1/namespaces/a/pods/x/exec', key: scopeless.key, headers: upgrades[0]! }, denied)
  })

  t.test(`${way}: h2c is never spoken, with whatever key`, async (t) => {
    for (const headers of [h2c, ['Connection', 'upgrade', 'Upgrade', 'H2C'], ['Connection', 'Upgrade', 'Upgrade', 'websocket, h2c'], ['Connection', 'Upgrade', 'Upgrade', 'h2c, websocket']]) {
      for (const route of ['/api', '/api/v1/pods', '/api/v1/namespaces/a/pods/x/exec']) {
        await target.refused(t, way, { target: route, headers }, { status: 400, code: 'MalformedHeader' }, `${headers[3]} ${route}`)
      }
    }
  })

  t.test(`${way}: an HTTP/2 preface without ALPN is no request`, async (t) => {
    const before = await target.settle(way)
    const client = await target.connect(way)
    client.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0')
    t.match((await client.closed()).toString('latin1'), /^HTTP\/1\.1 400 /)
    await target.silent(t, target.proxyOf(way), before, way, 'MalformedHeader')
  })
}

t.test('no sink holds a secret', (t) => target.silentSinks(t, keys.flatMap(([key]) => key ?? [])))
