import t from 'tap'
import type { KubeObject } from '../../src/sample/json.ts'
import { Store } from '../../src/sample/store.ts'

const named = (name: string, data = ''): KubeObject => ({ metadata: { name, namespace: 'a', uid: name, resourceVersion: '', creationTimestamp: '' }, data })
const limits = { objects: 10, bytes: 10_000, changes: 4 }
const names = (objects: readonly KubeObject[] | undefined) => objects?.map((object) => `${object.metadata.name}${String(object.data)}`)

t.test('every write has a revision of its own, and the past can be read as far as the history goes', async (t) => {
  const store = new Store(limits)
  const begin = store.revision
  const b = store.put('things', named('b'))
  store.put('things', named('a'))
  store.put('things', named('b', '2'))
  store.put('others', named('x'))
  t.equal(b.metadata.resourceVersion, String(begin + 1))
  t.strictSame(names(store.list('things')), ['a', 'b2'])
  t.strictSame(names(store.listAt('things', 'a', begin + 2)), ['a', 'b'])
  t.strictSame(names(store.listAt('things', 'a', begin)), [])
  t.strictSame(names(store.list('things', 'other')), [])
  const removed = store.remove('things', store.get('things', 'a', 'b')!)
  t.equal(removed.metadata.resourceVersion, String(begin + 5))
  t.strictSame(names(store.listAt('things', 'a', begin + 4)), ['a', 'b2'])
  t.equal(store.listAt('things', 'a', begin), undefined, 'the history holds four changes only')
  t.equal(store.since(begin), undefined)
  t.strictSame(store.since(begin + 3)?.map(({ type }) => type), ['ADDED', 'DELETED'])
  t.strictSame(store.since(store.revision), [])
})

t.test('what would pass the limits is refused, and what goes makes room', async (t) => {
  const store = new Store({ objects: 2, bytes: 1000, changes: 10 })
  store.put('things', named('a'))
  store.put('things', named('b'))
  t.throws(() => store.put('things', named('c')), { code: 403 })
  t.throws(() => store.put('things', named('b', 'x'.repeat(1000))), { code: 403 })
  store.remove('things', store.get('things', 'a', 'a')!)
  t.doesNotThrow(() => store.put('things', named('c')))
})

t.test('the history is bounded by bytes too', async (t) => {
  const store = new Store({ objects: 2, bytes: 1000, changes: 100 })
  const begin = store.revision
  for (let round = 0; round < 20; round += 1) store.put('things', named('a', `${round}${'x'.repeat(300)}`))
  t.equal(store.since(begin), undefined)
  t.ok(store.since(store.revision - 1))
})

t.test('a change wakes who waits; so do the time and the signal', async () => {
  const store = new Store(limits)
  const stop = new AbortController()
  const woken = store.changed(60_000, stop.signal)
  store.put('things', named('a'))
  await woken
  await store.changed(1, stop.signal)
  const waiting = store.changed(60_000, stop.signal)
  stop.abort()
  await waiting
  await store.changed(60_000, stop.signal)
})
