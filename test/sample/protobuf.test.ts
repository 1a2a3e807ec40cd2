import t from 'tap'
import { objectOf } from '../../src/sample/protobuf-kinds.ts'
import { startSample } from '../support/sample.ts'

/** A field of bytes, or of a number. */
function field(number: number, value: string | Buffer | number): Buffer {
  if (typeof value === 'number') return Buffer.from([number << 3, ...varint(value)])
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes])
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]
}

const message = (...fields: readonly Buffer[]) => Buffer.concat(fields)
const entry = (key: string, value: string) => message(field(1, key), field(2, value))
const body = (apiVersion: string, kind: string, raw: Buffer) =>
  message(Buffer.from('k8s\0'), field(1, message(field(1, apiVersion), field(2, kind))), field(2, raw), field(3, ''), field(4, ''))

t.test('the kinds that kubectl sends are read', async (t) => {
  const metadata = field(1, message(field(1, 'x'), field(2, ''), field(3, 'team-a'), field(8, ''), field(11, entry('a', 'b')), field(11, entry('c', 'd'))))
  t.strictSame(objectOf(body('v1', 'ConfigMap', message(metadata, field(2, entry('k', 'v'))))),
    { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'x', namespace: 'team-a', labels: { a: 'b', c: 'd' } }, data: { k: 'v' } })
  t.strictSame(objectOf(body('v1', 'Secret', message(field(2, entry('k', 'v')), field(3, 'Opaque')))).data, { k: 'dg==' })
  const port = (target: Buffer) => field(2, field(1, message(field(3, 80), field(4, target), field(5, 0))))
  t.match(objectOf(body('v1', 'Service', port(message(field(1, 0), field(2, 8080), field(3, ''))))), { spec: { ports: [{ port: 80, targetPort: 8080 }] } })
  t.match(objectOf(body('v1', 'Service', port(message(field(1, 1), field(3, 'http'))))), { spec: { ports: [{ targetPort: 'http' }] } })
  const container = field(2, field(2, field(2, message(field(1, 'main'), field(3, 'a'), field(3, 'b'), field(8, ''), field(18, 0)))))
  t.match(objectOf(body('apps/v1', 'Deployment', field(2, message(field(1, 0), field(3, message(container)))))), { spec: { replicas: 0 } })
  t.strictSame(objectOf(body('v1', 'Pod', field(2, field(2, message(field(1, 'main'), field(3, 'a'), field(3, 'b')))))).spec,
    { containers: [{ name: 'main', command: ['a', 'b'] }] })
})

t.test('what is malformed, or says more than is known, is refused', async (t) => {
  const table: [name: string, body: Buffer][] = [
    ['no envelope', Buffer.from('{"kind":"ConfigMap"}')],
    ['an unknown kind', body('v1', 'Gadget', Buffer.alloc(0))],
    ['an inherited kind', body('v1', 'constructor', Buffer.alloc(0))],
    ['an unknown field that is not empty', body('v1', 'ConfigMap', field(9, 'x'))],
    ['a message that is cut off', body('v1', 'ConfigMap', field(2, entry('k', 'value')).subarray(0, -2))],
    ['another wire type', body('v1', 'ConfigMap', Buffer.from([0x0d, 0, 0, 0, 0]))],
    ['a number for a message', body('v1', 'ConfigMap', field(1, 1))],
    ['a number too long', body('v1', 'ConfigMap', Buffer.from([0x20, ...Array<number>(10).fill(0xff), 1]))],
  ]
  for (const [name, bytes] of table) t.throws(() => objectOf(bytes), RangeError, name)
  t.doesNotThrow(() => objectOf(body('v1', 'ConfigMap', message(field(9, ''), field(10, 0), field(11, field(1, field(2, '')))))), 'zeros are no fields')
})

t.test('reviews of oneself are answered, in JSON, however they are asked', async (t) => {
  const { call } = await startSample(t)
  const who = await call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { body: {} })
  t.equal(who.status, 201)
  t.match(who.json, { kind: 'SelfSubjectReview', status: { userInfo: { username: 'system:serviceaccount:portcullis:portcullis' } } })
  const as = await call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { body: {}, headers: { 'impersonate-user': 'jane', 'impersonate-group': 'dev' } })
  t.strictSame(as.json.status, { userInfo: { username: 'jane', groups: ['dev', 'system:authenticated'] } })
  const attributes = message(field(1, 'team-a'), field(2, 'get'), field(5, 'pods'))
  const type = 'application/vnd.kubernetes.protobuf'
  const can = await call('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
    type, body: body('authorization.k8s.io/v1', 'SelfSubjectAccessReview', field(2, field(1, attributes))).toString('latin1'),
  })
  t.match(can.json, { spec: { resourceAttributes: { namespace: 'team-a', verb: 'get', resource: 'pods' } }, status: { allowed: true } })
  t.equal((await call('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { type, body: 'x' })).status, 400)
  t.match((await call('POST', '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', { body: { spec: { namespace: 'a' } } })).json, { status: { resourceRules: [{ verbs: ['*'] }] } })
  t.equal((await call('GET', '/apis/authentication.k8s.io/v1/selfsubjectreviews')).status, 405)
})
