import t from 'tap'
import { applied } from '../../src/sample/apply.ts'
import type { JsonObject, KubeObject } from '../../src/sample/json.ts'
import { managedOf, updateManaged, type Writer } from '../../src/sample/managed-fields.ts'

const writer = (manager: string, operation: Writer['operation'] = 'Apply'): Writer =>
  ({ manager, operation, subresource: '', apiVersion: 'v1', time: '2026-01-01T00:00:00Z' })
const empty: KubeObject = { metadata: { name: 'x', uid: 'u', resourceVersion: '1', creationTimestamp: 'c' } }
const config = (content: JsonObject): JsonObject => ({ apiVersion: 'v1', kind: 'Thing', metadata: { name: 'x' }, ...content })
const apply = (current: KubeObject, manager: string, content: JsonObject, force = false) => applied(current, config(content), writer(manager), force)
const owners = (object: KubeObject) => Object.fromEntries(managedOf(object).map((each) => [each.writer.manager, each.fields]))

t.test('what is applied is merged in and owned', async (t) => {
  const one = apply({ ...empty, spec: { other: true } }, 'a', { data: { k: '1' } })
  t.strictSame(one.data, { k: '1' })
  t.strictSame(one.spec, { other: true })
  t.strictSame(owners(one), { a: { 'f:data': { 'f:k': {} } } })
  t.equal(one.metadata.uid, 'u')
})

t.test('what a manager leaves out later goes, unless another owns it too', async (t) => {
  const one = apply(empty, 'a', { data: { k: '1', shared: 's' } })
  const two = apply(one, 'b', { data: { shared: 's' } })
  const three = apply(two, 'a', { data: { other: 'o' } })
  t.strictSame(three.data, { shared: 's', other: 'o' })
  t.strictSame(owners(three), { b: { 'f:data': { 'f:shared': {} } }, a: { 'f:data': { 'f:other': {} } } })
})

t.test('to change what another owns is a conflict that names both, or with force changes hands', async (t) => {
  const one = apply(empty, 'a', { data: { k: '1' } })
  t.throws(() => apply(one, 'b', { data: { k: '2' } }), { code: 409, message: 'Apply failed with 1 conflict: conflict with "a" using v1: .data.k' })
  t.strictSame(apply(one, 'b', { data: { k: '1' } }).data, { k: '1' }, 'the same value is shared')
  const forced = apply(one, 'b', { data: { k: '2' } }, true)
  t.strictSame(forced.data, { k: '2' })
  t.strictSame(owners(forced), { b: { 'f:data': { 'f:k': {} } } })
})

t.test('an update owns what it changed, so that a later apply of it conflicts', async (t) => {
  const one = apply(empty, 'a', { data: { k: '1', l: '1' } })
  const two = updateManaged(one, { ...one, data: { k: '2', l: '1' } }, writer('editor', 'Update'))
  t.strictSame(owners(two), { a: { 'f:data': { 'f:l': {} } }, editor: { 'f:data': { 'f:k': {} } } })
  t.throws(() => apply(two, 'a', { data: { k: '1', l: '1' } }), { code: 409 })
})

t.test('items of keyed lists are merged and owned one by one', async (t) => {
  const containers = (...items: JsonObject[]) => ({ spec: { containers: items } })
  const one = apply(empty, 'a', containers({ name: 'main', image: '1' }))
  const two = apply(one, 'b', containers({ name: 'side', image: '1' }))
  t.strictSame(two.spec, { containers: [{ name: 'main', image: '1' }, { name: 'side', image: '1' }] })
  const three = apply(two, 'b', { metadata: { name: 'x', labels: { l: '1' } } })
  t.strictSame(three.spec, { containers: [{ name: 'main', image: '1' }] })
  t.strictSame(three.metadata.labels, { l: '1' })
  t.match(apply(one, 'b', containers({ name: 'main', image: '2' }), true).spec, { containers: [{ name: 'main', image: '2' }] })
})

t.test('the annotation of client-side apply is kept in step for kubectl, and for nobody else', async (t) => {
  const annotation = 'kubectl.kubernetes.io/last-applied-configuration'
  const before: KubeObject = { ...empty, metadata: { ...empty.metadata, annotations: { [annotation]: 'old' } } }
  t.strictSame(apply(before, 'kubectl', { data: { k: '1' } }).metadata.annotations,
    { [annotation]: '{"apiVersion":"v1","data":{"k":"1"},"kind":"Thing","metadata":{"name":"x"}}\n' })
  t.strictSame(apply(before, 'other', { data: { k: '1' } }).metadata.annotations, { [annotation]: 'old' })
})
