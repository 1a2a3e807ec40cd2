import t from 'tap'
import { cleanBody, type CleanOptions } from '../../../src/audit/bodies/clean.ts'

const all: CleanOptions = { dropManagedFields: true, mayShow: () => true }
const applied = 'kubectl.kubernetes.io/last-applied-configuration'

function cleaned(body: unknown, options: CleanOptions = all): unknown {
  return cleanBody(body, options) ? body : 'nothing'
}

for (const [what, body, expected] of [
  ['a Secret within a list', { kind: 'List', items: [{ kind: 'Secret', metadata: { name: 's', annotations: { [applied]: '{}', a: 'b' } }, data: { a: 'eA==' }, stringData: { b: 'y' } }] },
    { kind: 'List', items: [{ kind: 'Secret', metadata: { name: 's', annotations: { a: 'b' } }, data: '[redacted]', stringData: '[redacted]' }] }],
  ['a Secret within a template', { kind: 'Template', objects: [{ kind: 'Secret', stringData: { a: 'b' } }] }, { kind: 'Template', objects: [{ kind: 'Secret', stringData: '[redacted]' }] }],
  ['a list of Secrets within something else', { a: { kind: 'SecretList', items: [{ data: { a: 'b' } }] } }, { a: { kind: 'SecretList' } }],
  ['managed fields, wherever', { metadata: { name: 'a', managedFields: [1] }, items: [{ metadata: { name: 'b', managedFields: [2] } }], rows: [{ object: { metadata: { name: 'c', managedFields: [3] } } }] },
    { metadata: { name: 'a' }, items: [{ metadata: { name: 'b' } }], rows: [{ object: { metadata: { name: 'c' } } }] }],
  ['what was applied, as the object itself', { metadata: { annotations: { [applied]: '{"kind":"Secret","data":{"a":"b"}}' } } }, { metadata: { annotations: { [applied]: '{"kind":"Secret","data":"[redacted]"}' } } }],
  ['a variable in what was applied', { metadata: { annotations: { [applied]: '{"env":[{"name":"API_KEY","value":"hunter2"}],"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\\"password\\":\\"x\\"}"}}}' } } },
    { metadata: { annotations: { [applied]: '{"env":[{"name":"API_KEY","value":"[redacted]"}],"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\\"password\\":\\"[redacted]\\"}"}}}' } } }],
  ['what was applied, where it is no JSON', { metadata: { annotations: { [applied]: 'password: x' } } }, { metadata: { annotations: { [applied]: '[redacted]' } } }],
  ['arguments', { command: ['mysql', '-pX', '--host=h'], args: ['--token', 'y', 'z'] }, { command: ['mysql', '-p[redacted]', '--host=h'], args: ['--token', '[redacted]', 'z'] }],
  ['passwords in URLs', { url: 'postgres://u:p@h/d', list: ['amqp://u:p@h'] }, { url: 'postgres://u:[redacted]@h/d', list: ['amqp://u:[redacted]@h'] }],
  ['what was applied, else', { metadata: { annotations: { [applied]: '{"kind":"Pod"}' } } }, { metadata: { annotations: { [applied]: '{"kind":"Pod"}' } } }],
  ['fields by their names', { spec: { token: 'a', password: 'b', clientSecret: 'c', apiKey: 'd', secretName: 'e', tokenExpirationSeconds: 3, automountServiceAccountToken: true } },
    { spec: { token: '[redacted]', password: '[redacted]', clientSecret: '[redacted]', apiKey: '[redacted]', secretName: 'e', tokenExpirationSeconds: 3, automountServiceAccountToken: true } }],
  ['variables by their names', { env: [{ name: 'DB_PASSWORD', value: 'a' }, { name: 'DB_PWD', value: 'a' }, { name: 'AWS_SECRET_KEY', value: 'a' }, { name: 'HOST', value: 'b' }, { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] },
    { env: [{ name: 'DB_PASSWORD', value: '[redacted]' }, { name: 'DB_PWD', value: '[redacted]' }, { name: 'AWS_SECRET_KEY', value: '[redacted]' }, { name: 'HOST', value: 'b' }, { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] }],
  ['steps of a JSON Patch by their paths', [{ op: 'add', path: '/spec/token', value: { a: 1 } }, { op: 'add', path: '/spec/replicas', value: 2 }],
    [{ op: 'add', path: '/spec/token', value: '[redacted]' }, { op: 'add', path: '/spec/replicas', value: 2 }]],
  ['nothing of what is no object', 'text', 'text'],
  ['an object that is odd', { metadata: 3, items: 'x', rows: [null], kind: ['Secret'] }, { metadata: 3, items: 'x', rows: [null], kind: ['Secret'] }],
] as const) {
  t.test(`out of a body is taken: ${what}`, async t => t.strictSame(cleaned(structuredClone(body)), expected))
}

t.test('managed fields stay where the policy says so', async t =>
  t.strictSame(cleaned({ metadata: { managedFields: [1] } }, { ...all, dropManagedFields: false }), { metadata: { managedFields: [1] } }))

t.test('objects that the policy shows less of are names in a list, and nothing where they are the body', async (t) => {
  const options: CleanOptions = { ...all, mayShow: ({ name, namespace }) => name !== 'hidden' && namespace !== 'kube-system' }
  const object = (name: string, namespace = 'a') => ({ metadata: { name, namespace, labels: { l: 'm' } }, data: { k: 'v' } })
  t.strictSame(cleaned({ items: [object('shown'), object('hidden'), object('x', 'kube-system')], rows: [{ cells: [1], object: object('hidden') }] }, options), {
    items: [object('shown'), { metadata: { name: 'hidden', namespace: 'a' } }, { metadata: { name: 'x', namespace: 'kube-system' } }],
    rows: [{ metadata: { name: 'hidden', namespace: 'a' } }],
  })
  t.equal(cleaned(object('hidden'), options), 'nothing')
})

t.test('what is nested without end is not written at all', async (t) => {
  let deep: unknown = 1
  for (let level = 0; level < 5_000; level++) deep = [deep]
  t.equal(cleaned(deep), 'nothing')
  t.equal(cleaned({ spec: deep }), 'nothing')
})

t.test('__proto__ is a name like any other', async (t) => {
  const body = JSON.parse('{"__proto__":{"kind":"Secret","data":{"a":"b"}},"kind":"ConfigMap"}') as unknown
  t.equal(JSON.stringify(cleaned(body)), '{"__proto__":{"kind":"Secret","data":"[redacted]"},"kind":"ConfigMap"}')
})
