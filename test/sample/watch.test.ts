import t from 'tap'
import type { Chunks } from '../../src/sample/answer.ts'
import { builtInTypes } from '../../src/sample/built-in-types.ts'
import { at, text, type JsonObject } from '../../src/sample/json.ts'
import { LogBook } from '../../src/sample/log-book.ts'
import { ResourceTypes } from '../../src/sample/resource-type.ts'
import { Store } from '../../src/sample/store.ts'
import { readTarget } from '../../src/sample/target.ts'
import { watchAnswer } from '../../src/sample/watch.ts'
import { startSample } from '../support/sample.ts'

const configMaps = '/api/v1/namespaces/team-a/configmaps'
const merge = 'application/merge-patch+json'

type Lines = AsyncGenerator<string>
async function next(lines: Lines): Promise<JsonObject> {
  return JSON.parse(String((await lines.next()).value)) as JsonObject
}
const short = (event: JsonObject) => `${text(event, 'type')} ${text(event, 'object', 'metadata', 'name')}`

t.test('a watch without a version begins with what is there', async (t) => {
  const { call, lines } = await startSample(t)
  const watch = await lines(`${configMaps}?watch=true`)
  const first = await next(watch)
  t.equal(short(first), 'ADDED settings')
  t.match(first.object, { kind: 'ConfigMap', apiVersion: 'v1' })
  await call('POST', configMaps, { body: { metadata: { name: 'new' } } })
  t.equal(short(await next(watch)), 'ADDED new')
  await call('PATCH', `${configMaps}/new`, { body: { data: { a: 'b' } }, type: merge })
  t.equal(short(await next(watch)), 'MODIFIED new')
  await call('DELETE', `${configMaps}/new`)
  const last = await next(watch)
  t.equal(short(last), 'DELETED new')
  t.ok(Number(text(last, 'object', 'metadata', 'resourceVersion')) > Number(text(first, 'object', 'metadata', 'resourceVersion')))
})

t.test('a watch from a version replays what came after, and only of its own kind and namespace', async (t) => {
  const { call, lines } = await startSample(t)
  const version = text((await call('GET', configMaps)).json, 'metadata', 'resourceVersion')
  await call('POST', '/api/v1/namespaces/team-b/configmaps', { body: { metadata: { name: 'elsewhere' } } })
  await call('POST', '/api/v1/namespaces/team-a/secrets', { body: { metadata: { name: 'other' } } })
  await call('POST', configMaps, { body: { metadata: { name: 'new' } } })
  t.equal(short(await next(await lines(`${configMaps}?watch=1&resourceVersion=${version}`))), 'ADDED new')
})

t.test('to a watch with a selector, what ceases to match is deleted and what begins to is added', async (t) => {
  const { call, lines } = await startSample(t)
  const label = (app: string | null) => call('PATCH', `${configMaps}/settings`, { body: { metadata: { labels: { app } } }, type: merge })
  const watch = await lines(`${configMaps}?watch=true&labelSelector=app%3Dx`)
  await label('y')
  await label('x')
  t.equal(short(await next(watch)), 'ADDED settings')
  await label(null)
  t.equal(short(await next(watch)), 'DELETED settings')
})

t.test('a watch from before the history is an event that says 410, and ends', async (t) => {
  const { call, lines } = await startSample(t, { history: 2 })
  const version = text((await call('GET', configMaps)).json, 'metadata', 'resourceVersion')
  for (const round of ['1', '2', '3']) await call('PATCH', `${configMaps}/settings`, { body: { data: { round } }, type: merge })
  const watch = await lines(`${configMaps}?watch=true&resourceVersion=${version}`)
  t.match(await next(watch), { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } })
  t.equal((await watch.next()).done, true)
})

t.test('bookmarks come when asked for, at their interval and at the end of the time', async (t) => {
  const { lines } = await startSample(t, { bookmarkInterval: 20 })
  const watch = await lines(`${configMaps}?watch=true&allowWatchBookmarks=true&resourceVersion=1000&timeoutSeconds=1`)
  const seen: string[] = []
  for await (const line of watch) seen.push(text(JSON.parse(line) as JsonObject, 'type'))
  t.ok(seen.filter((type) => type === 'BOOKMARK').length > 2, 'several')
  t.equal(seen.at(-1), 'BOOKMARK')
  const plain = await lines(`${configMaps}?watch=true&timeoutSeconds=1`)
  const others: string[] = []
  for await (const line of plain) others.push(text(JSON.parse(line) as JsonObject, 'type'))
  t.strictSame(others, ['ADDED'])
})

t.test('a streaming list marks the end of what was there', async (t) => {
  const { lines } = await startSample(t)
  const watch = await lines(`${configMaps}?watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan`)
  t.equal(short(await next(watch)), 'ADDED settings')
  t.match(await next(watch), { type: 'BOOKMARK', object: { kind: 'ConfigMap', metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } } })
})

t.test('a watch for kubectl writes Tables, the columns with the first alone', async (t) => {
  const { call, lines } = await startSample(t)
  const watch = await lines(`${configMaps}?watch=true`, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' })
  const first = await next(watch)
  t.match(first, { type: 'ADDED', object: { kind: 'Table', columnDefinitions: [{ name: 'Name' }, {}, {}], rows: [{ cells: ['settings', 2] }] } })
  await call('DELETE', `${configMaps}/settings`)
  const second = await next(watch)
  t.match(second, { type: 'DELETED', object: { kind: 'Table', rows: [{ cells: ['settings', 2] }] } })
  t.equal(at(second, 'object', 'columnDefinitions'), null)
})

t.test('a name in the field selector and the old prefix both watch', async (t) => {
  const { lines } = await startSample(t)
  t.equal(short(await next(await lines('/api/v1/watch/namespaces/team-a/pods/web-1'))), 'ADDED web-1')
  t.equal(short(await next(await lines('/api/v1/namespaces/team-a/pods?watch=true&fieldSelector=metadata.name%3Dweb-1'))), 'ADDED web-1')
})

t.test('what a watch cannot mean is refused', async (t) => {
  const { call } = await startSample(t)
  for (const bad of ['resourceVersion=x', 'timeoutSeconds=-1', 'fieldSelector=no']) t.equal((await call('GET', `${configMaps}?watch=true&${bad}`)).status, 400, bad)
})

t.test('a change that comes while the reader is busy is not slept through', async (t) => {
  const store = new Store({ objects: 10, bytes: 10_000, changes: 10 })
  const world = {
    store, types: new ResourceTypes(builtInTypes), logs: new LogBook(Date.now, 1000), clock: Date.now, crdDelay: 0,
    bookmarkInterval: 60_000, address: () => '',
  }
  const target = readTarget('/api/v1/namespaces/a/configmaps', world.types)!
  const call = { user: '', method: 'GET', path: '', query: new URLSearchParams('watch=true&resourceVersion=1000'), headers: {}, body: Buffer.alloc(0) }
  const { body } = watchAnswer(world, call, target)
  const stop = new AbortController()
  t.teardown(() => stop.abort())
  const events = (body as Chunks)(stop.signal)[Symbol.asyncIterator]()
  const put = (name: string) => store.put('configmaps', { metadata: { name, namespace: 'a', uid: '', resourceVersion: '', creationTimestamp: '' } })
  const first = events.next()
  put('one')
  t.match((await first).value, '"one"')
  put('two')
  t.match((await events.next()).value, '"two"')
})
