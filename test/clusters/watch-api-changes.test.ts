import t from 'tap'
import { watchApiChanges } from '../../src/clusters/watch-api-changes.ts'
import type { Answer, RecordedRequest, Reply } from '../support/recording-upstream.ts'
import { startUpstream } from '../support/recording-upstream.ts'
import { clusterFor, credentialOf } from '../support/cluster-builders.ts'
import { Queue } from '../support/queue.ts'
import type { Scope } from '../support/scope.ts'

const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const apiservices = '/apis/apiregistration.k8s.io/v1/apiservices'

type Step = Answer | ((reply: Reply) => void)

const list = (version: string) => ({ status: 200, body: JSON.stringify({ kind: 'PartialObjectMetadataList', metadata: { resourceVersion: version } }) })
const event = (type: string, version: string) => `${JSON.stringify({ type, object: { metadata: { name: 'x', resourceVersion: version } } })}\n`
const events = (...lines: string[]) => ({ status: 200, body: lines.join('') })
const gone = `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410 } })}\n`

/** An upstream that answers requests about CRDs as listed, then holds, and refuses those about APIServices. */
async function watching(t: Scope, steps: Step[], credential = credentialOf('token')) {
  const upstream = await startUpstream(t)
  const asked = new Queue<RecordedRequest>()
  upstream.answer((request, reply) => {
    if (!request.target.startsWith(`/base${crds}`)) return { status: 403 }
    asked.put(request)
    const step = steps.length === 0 ? 'hold' : steps.shift()
    return typeof step === 'function' ? step(reply) : step
  })
  const changes = new Queue<number>()
  let count = 0
  const waits: number[] = []
  const watch = watchApiChanges({
    cluster: clusterFor(t, { url: `${upstream.url}/base`, ca: upstream.ca }, { credential }),
    random: () => 0.5,
    onChange: () => changes.put(++count),
    wait: async (ms, signal) => {
      if (ms === 600_000) return await new Promise((_, reject) => { signal.addEventListener('abort', () => { reject(new Error('closed')) }) })
      waits.push(ms)
    },
  })
  t.teardown(() => watch.close())
  return { upstream, asked, changes, waits, watch, seen: () => count, credential }
}

t.test('both sources are listed, then watched from there, and an event is a change', async (t) => {
  const { upstream, asked, changes, watch } = await watching(t, [list('7'), (reply) => {
    reply.stream()
    reply.chunk(event('BOOKMARK', '8'))
    reply.chunk(event('ADDED', '9').slice(0, 10))
    reply.chunk(event('ADDED', '9').slice(10) + event('DELETED', '10'))
  }])
  const first = await asked.take()
  t.equal(first.target, `/base${crds}?limit=1`)
  t.match(first.all('accept')[0], /as=PartialObjectMetadataList/)
  const second = await asked.take()
  t.match(second.target, /^\/base\/apis\/.*\?watch=true&allowWatchBookmarks=true&timeoutSeconds=450&resourceVersion=7$/)
  t.strictSame(second.all('authorization'), ['Bearer token'])
  t.equal(await changes.take(), 1, 'neither the first list nor a bookmark is a change')
  t.equal(await changes.take(), 2)
  t.ok(upstream.requests.some(({ target }) => target.startsWith(`/base${apiservices}`)))
  watch.close()
  await second.connection.closed
})

t.test('a watch that ends or breaks goes on from the last version it saw', async (t) => {
  const { asked, waits, seen } = await watching(t, [
    list('7'), events(event('MODIFIED', '8'), event('BOOKMARK', '12')), 'cut', { status: 500 }, events(event('BOOKMARK', '13')),
  ])
  await asked.take()
  for (const version of ['7', '12', '12', '12', '13']) {
    t.equal(new URLSearchParams((await asked.take()).target.split('?')[1]).get('resourceVersion'), version)
  }
  t.equal(seen(), 1)
  t.strictSame(waits, [1000, 1000, 2000, 1000], 'slower after each failure, and afresh after a success')
})

t.test('a version that is too old means a new list, and a change that may have been missed', async (t) => {
  for (const tooOld of [events(gone), { status: 410 }]) {
    const { asked, changes } = await watching(t, [list('7'), tooOld, list('90')])
    await asked.take()
    await asked.take()
    t.equal((await asked.take()).target, `/base${crds}?limit=1`)
    t.equal(await changes.take(), 1)
    t.match((await asked.take()).target, /resourceVersion=90$/)
  }
})

t.test('a list that failed at first may have missed changes, too', async (t) => {
  const { asked, changes } = await watching(t, ['cut', { status: 200, body: '{}' }, list('7')])
  await asked.take()
  t.equal(await changes.take(), 1)
})

t.test('a rejected credential is renewed', async (t) => {
  const credential = credentialOf('old')
  const { asked } = await watching(t, [list('7'), { status: 401 }], credential)
  credential.next = 'new'
  await asked.take()
  await asked.take()
  t.strictSame((await asked.take()).all('authorization'), ['Bearer new'])
  t.strictSame(credential.rejected, ['Bearer old'])
})

t.test('where our account may not look it asks no more for ten minutes', async (t) => {
  const { asked, waits, upstream } = await watching(t, [{ status: 403 }])
  await asked.take()
  await upstream.nextRequest()
  await upstream.nextRequest()
  t.strictSame(waits, [])
  t.equal(upstream.requests.length, 2)
})

t.test('nonsense in a watch is a failure like another', async (t) => {
  const { asked, waits } = await watching(t, [list('7'), events('not json\n')])
  for (let i = 0; i < 3; i += 1) await asked.take()
  t.strictSame(waits, [1000])
})
