import { deflateSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { BodyCopy } from '../../../src/audit/bodies/copy.ts'
import { decodeAnswer, decodeRequest } from '../../../src/audit/bodies/decode.ts'

function copyOf(pieces: readonly (string | Buffer)[], maxSize = 100): BodyCopy {
  const copy = new BodyCopy(maxSize)
  for (const piece of pieces) copy.take(Buffer.from(piece))
  return copy
}

const type = (value: string) => ['Content-Type', value]
const object = { kind: 'object', value: { a: 1 } } as const

for (const [what, pieces, headers, expected] of [
  ['JSON, in pieces', ['{"a"', ':1}'], type('application/json'), object],
  ['JSON by default, as the API server takes it', ['{"a":1}'], [], object],
  ['a table', ['{"a":1}'], type('application/json;as=Table;v=v1;g=meta.k8s.io'), object],
  ['a merge patch', ['{"a":1}'], type('application/merge-patch+json'), object],
  ['an apply, which is JSON', ['{"a":1}'], type('application/apply-patch+yaml'), object],
  ['YAML', ['a: 1'], type('application/yaml'), { kind: 'unreadable', why: 'it is application/yaml' }],
  ['gzip', [gzipSync('{"a":1}')], ['content-type', 'application/json', 'content-encoding', 'gzip'], object],
  ['nothing', [], type('application/json'), { kind: 'empty' }],
  ['more than the bound', ['[', '1,'.repeat(60)], type('application/json'), { kind: 'too-large', maxSize: 100 }],
  ['protobuf', ['k8s\0'], type('application/vnd.kubernetes.protobuf'), { kind: 'unreadable', why: 'it is application/vnd.kubernetes.protobuf' }],
  ['a media type that is none', ['x'], type('a\u001b[31m/b'), { kind: 'unreadable', why: 'its media type is unknown' }],
  ['packed in another way', [deflateSync('{}')], ['content-encoding', 'deflate'], { kind: 'unreadable', why: 'it is packed in another way than gzip' }],
  ['JSON that is no object', ['"a"'], [], { kind: 'unreadable', why: 'it is no object' }],
  ['JSON that is none', ['{"a":'], type('application/json'), { kind: 'unreadable', why: 'it is not what its media type says' }],
  ['gzip that is none', ['{}'], ['content-encoding', 'gzip'], { kind: 'unreadable', why: 'it is not what its media type says' }],
] as const) {
  t.test(`a body is read: ${what}`, async t => t.strictSame(decodeAnswer(copyOf(pieces), headers), expected))
}

t.test('a body that is larger than the bound only once it is unpacked', async t =>
  t.strictSame(decodeAnswer(copyOf([gzipSync(Buffer.alloc(1 << 20, ' '))], 2_000), ['content-encoding', 'gzip']), { kind: 'too-large', maxSize: 2_000 }))

t.test('of a request what it says of its encoding is not believed: the API server does not, either', async (t) => {
  t.strictSame(decodeRequest(copyOf(['{"a":1}']), ['Content-Encoding', 'gzip']), object)
  t.strictSame(decodeRequest(copyOf(['{"a":1}']), ['Content-Encoding', 'br']), object)
})

t.test('a body in pieces of a byte is held once', async (t) => {
  const copy = new BodyCopy(1 << 20)
  const before = process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers
  for (let byte = 0; byte < 1 << 18; byte++) copy.take(Buffer.from('x'))
  t.equal(copy.bytes()?.toString(), 'x'.repeat(1 << 18))
  globalThis.gc?.()
  t.ok(process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers - before < 64 << 20)
})

t.test('of a body beyond the bound nothing is held', async (t) => {
  const copy = copyOf(['x'.repeat(90)])
  t.equal(copy.bytes()?.length, 90)
  copy.take(Buffer.alloc(1 << 20))
  t.equal(copy.bytes(), undefined)
  t.equal(copy.size, 90 + (1 << 20))
  const before = process.memoryUsage().arrayBuffers
  const chunk = Buffer.alloc(1 << 20)
  for (let piece = 0; piece < 200; piece++) copy.take(chunk)
  t.ok(process.memoryUsage().arrayBuffers - before < 50 << 20, 'nor taken again')
})
