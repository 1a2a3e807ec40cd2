import { gzipSync } from 'node:zlib'
import t from 'tap'
import { examine } from '../../src/cache/examine.ts'
import type { DocumentKind } from '../../src/cache/target.ts'
import { capturedAnswer } from '../support/captures.ts'

const good: [name: string, kind: DocumentKind][] = [
  ['version', 'version'], ['api', 'groups'], ['api-kubectl', 'groups'], ['apis', 'groups'], ['apis-kubectl', 'groups'],
  ['apis-v2-only-protobuf', 'groups'], ['apis-apps', 'group'], ['apis-apps-v1', 'resources'], ['api-v1', 'resources'],
  ['api-v1-protobuf', 'resources'], ['openapi-v3', 'openapi-v3-index'],
]

for (const [name, kind] of good) {
  t.test(`what a real API server answers may be shared: ${name}`, async (t) => {
    t.strictSame(await examine(kind, false, capturedAnswer(name)), { cacheable: true, settled: true })
  })
}

const refused: [name: string, kind: DocumentKind][] = [
  ['api-v2beta1', 'groups'], ['not-acceptable', 'groups'], ['anonymous-403', 'groups'], ['bad-token-401', 'version'],
  ['openapi-v3-api-v1-badhash', 'openapi-v3'], ['apis-v2-if-none-match', 'groups'],
]

for (const [name, kind] of refused) {
  t.test(`what a real API server refuses or redirects is never shared: ${name}`, async (t) => {
    t.strictSame(await examine(kind, true, capturedAnswer(name)), { cacheable: false })
  })
}

const json = (body: string | Buffer, ...headers: string[]) => ({
  status: 200,
  headers: ['Content-Type', 'application/json', 'Content-Length', String(body.length), ...headers],
  body: Buffer.from(body),
})
const group = '{"kind":"APIGroup","name":"apps"}'
const status = '{"kind":"Status","apiVersion":"v1","status":"Failure","code":503}'
const openapiType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'
const large = (start: string, end: string) => `${start}${'x'.repeat(300 << 10)}${end}`

const poison: [title: string, kind: DocumentKind, answer: ReturnType<typeof json>][] = [
  ['a 200 with a Status', 'groups', json(status)],
  ['a Status instead of an OpenAPI document', 'openapi-v2', json(status)],
  ['a large Status instead of an OpenAPI document', 'openapi-v3', json(large('{"kind":"Status","message":"', '"}'))],
  ['a large OpenAPI document that ends early', 'openapi-v3', json(large('{"openapi":"3.0.0","x":"', ''))],
  ['a login page', 'groups', { ...json('<html>'), headers: ['Content-Type', 'text/html', 'Content-Length', '6'] }],
  ['a login page that says it is JSON', 'groups', json('<html>')],
  ['another document', 'group', json('{"kind":"APIGroupList"}')],
  ['JSON of another shape', 'version', json('{"maintenance":true}')],
  ['a list', 'group', json('[]')],
  ['half of a document', 'group', json(group.slice(0, 20))],
  ['nothing', 'group', json('')],
  ['a document of a type nobody asked for', 'group', { ...json(group), headers: ['Content-Type', 'application/yaml', 'Content-Length', '1'] }],
  ['no type', 'group', { ...json(group), headers: ['Content-Length', '1'] }],
  ['text where only the OpenAPI index is text', 'group', { ...json(group), headers: ['Content-Type', 'text/plain', 'Content-Length', '1'] }],
  ['an OpenAPI type for another document', 'group', { ...json(group), headers: ['Content-Type', openapiType, 'Content-Length', '1'] }],
  ['an empty OpenAPI document', 'openapi-v2', { ...json(''), headers: ['Content-Type', openapiType, 'Content-Length', '0'] }],
  ['a body that ended with its connection', 'group', { ...json(group), headers: ['Content-Type', 'application/json'] }],
  ['a part', 'group', json(group, 'Content-Range', 'bytes 0-32/99')],
  ['what upstream does not want kept', 'group', json(group, 'Cache-Control', 'private, no-store')],
  ['what comes with a cookie', 'group', json(group, 'Set-Cookie', 'a=b')],
  ['two types', 'group', json(group, 'content-type', 'text/html')],
  ['what varies by anything', 'group', json(group, 'Vary', '*')],
  ['a coding nobody asked for', 'group', json(group, 'Content-Encoding', 'br')],
  ['gzip for somebody who does not take it', 'group', json(gzipSync(group), 'Content-Encoding', 'gzip')],
  ['204', 'group', { ...json(group), status: 204 }],
  ['206', 'group', { ...json(group), status: 206 }],
  ['302', 'group', { ...json(group, 'Location', 'https://elsewhere.example/'), status: 302 }],
  ['404', 'group', { ...json(group), status: 404 }],
  ['503', 'group', { ...json(group), status: 503 }],
]

for (const [title, kind, answer] of poison) {
  t.test(`never shared: ${title}`, async (t) => {
    t.strictSame(await examine(kind, false, answer), { cacheable: false })
  })
}

t.test('a 200 with a Status as protobuf is told by its kind, not by its type', async (t) => {
  const envelope = (kind: string) => ({
    status: 200,
    headers: ['Content-Type', 'application/vnd.kubernetes.protobuf', 'Content-Length', '1'],
    body: Buffer.from(`k8s\0\x0a${String.fromCharCode(6 + kind.length)}\x0a\x02v1\x12${String.fromCharCode(kind.length)}${kind}\x12\0`, 'latin1'),
  })
  t.strictSame(await examine('group', false, envelope('APIGroup')), { cacheable: true, settled: true })
  t.strictSame(await examine('group', false, envelope('Status')), { cacheable: false })
  t.strictSame(await examine('group', false, { ...envelope('APIGroup'), body: Buffer.from('k8s') }), { cacheable: false })
  t.strictSame(await examine('version', false, envelope('APIGroup')), { cacheable: false }, 'a kind says nothing where there is none')
})

t.test('a gzipped document is looked at unzipped', async (t) => {
  const zipped = (content: string) => json(gzipSync(content), 'Content-Encoding', 'gzip')
  t.strictSame(await examine('group', true, zipped(group)), { cacheable: true, settled: true })
  t.strictSame(await examine('group', true, zipped(status)), { cacheable: false })
  const truncated = zipped(group)
  t.strictSame(await examine('group', true, { ...truncated, body: truncated.body.subarray(0, -9) }), { cacheable: false })
})

t.test('OpenAPI documents are known small and large, as JSON and as protobuf', async (t) => {
  t.match(await examine('openapi-v2', false, json('{"swagger":"2.0"}')), { cacheable: true })
  t.match(await examine('openapi-v3', false, json('{"openapi":"3.0.0"}')), { cacheable: true })
  t.match(await examine('openapi-v3', false, json(large('{"openapi":"3.0.0","x":"', '"}\n'))), { cacheable: true })
  const protobuf = { ...json('\x0a\x032.0'), headers: ['Content-Type', openapiType, 'Content-Length', '5'] }
  t.match(await examine('openapi-v2', false, protobuf), { cacheable: true })
})

t.test('a document that marks a group as stale is not settled', async (t) => {
  const fresh = capturedAnswer('apis-kubectl')
  const stale = Buffer.from(fresh.body.toString().replace('"freshness": "Current"', '"freshness": "Stale"'))
  t.notSame(stale, fresh.body)
  t.strictSame(await examine('groups', false, { ...fresh, body: stale }), { cacheable: true, settled: false })
  const protobuf = capturedAnswer('apis-v2-only-protobuf')
  const at = protobuf.body.indexOf(Buffer.from('\x1a\x07Current', 'latin1'))
  t.not(at, -1)
  const staleProtobuf = Buffer.concat([protobuf.body.subarray(0, at), Buffer.from('\x1a\x05Stale', 'latin1'), protobuf.body.subarray(at + 9)])
  t.strictSame(await examine('groups', false, { ...protobuf, body: staleProtobuf }), { cacheable: true, settled: false })
})
