// What src/callers/kubernetes relies on, and why it brings a watch of its own: @kubernetes/client-node 1.4.
import { createServer } from 'node:https'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { KubeConfig, ListWatch, Watch, type KubernetesObject } from '@kubernetes/client-node'
import t from 'tap'
import { makeAuthority } from '../support/certificates.ts'
import { until } from '../support/until.ts'

type Done = (error: unknown) => void
type Callback = (phase: string, object: unknown) => unknown

/** A watch that the test speaks for. */
class HandWatch extends Watch {
  readonly opened: { readonly query: Record<string, unknown>, readonly callback: Callback, readonly done: Done, readonly stop: AbortController }[] = []

  override async watch(_path: string, query: Record<string, string | number | boolean | undefined>, callback: Callback, done: Done): Promise<AbortController> {
    const stop = new AbortController()
    this.opened.push({ query, callback, done, stop })
    return stop
  }
}

const object = (name: string, version: string): KubernetesObject => ({ metadata: { name, namespace: 'a', resourceVersion: version } })

function informer(lists: (() => Promise<{ metadata: { resourceVersion: string }, items: KubernetesObject[] }>)[]) {
  const watch = new HandWatch(new KubeConfig())
  const seen: string[] = []
  let listed = 0
  const cache = new ListWatch<KubernetesObject>('/x', watch, () => lists[listed++]!() as never, false)
  for (const verb of ['add', 'update', 'delete'] as const) cache.on(verb, ({ metadata }) => seen.push(`${verb} ${metadata?.name}`))
  cache.on('error', (error: unknown) => seen.push(`error ${String((error as Error).message)}`))
  return { watch, cache, seen, lists: () => listed }
}

const list = (version: string, ...names: string[]) => async () => ({ metadata: { resourceVersion: version }, items: names.map(name => object(name, version)) })

t.test('it lists, and holds all of it before it watches from that version', async (t) => {
  const { watch, cache, seen } = informer([list('5', 'one', 'two')])
  await cache.start()
  t.strictSame(seen, ['add one', 'add two'])
  t.equal(watch.opened[0]?.query['resourceVersion'], '5')
  t.equal(cache.list().length, 2)
})

t.test('after an end it watches again at once, from the last version: a bookmark counts', async (t) => {
  const { watch, cache, lists } = informer([list('5')])
  await cache.start()
  watch.opened[0]!.callback('ADDED', object('one', '6'))
  watch.opened[0]!.callback('BOOKMARK', { metadata: { resourceVersion: '9' } })
  watch.opened[0]!.done(null)
  await until(() => watch.opened.length === 2)
  t.equal(watch.opened[1]?.query['resourceVersion'], '9')
  t.equal(lists(), 1)
})

t.test('after an error it stands still until it is started, and then goes on where it stood', async (t) => {
  const { watch, cache, seen, lists } = informer([list('5')])
  await cache.start()
  watch.opened[0]!.done(new Error('cut'))
  await new Promise(resolve => setImmediate(resolve))
  t.strictSame(seen, ['error cut'])
  t.equal(watch.opened.length, 1)
  await cache.start()
  t.equal(watch.opened[1]?.query['resourceVersion'], '5')
  t.equal(lists(), 1)
})

t.test('a 410 lists anew at once, and tells of what went meanwhile', async (t) => {
  const { watch, cache, seen, lists } = informer([list('5', 'one', 'two'), list('8', 'two')])
  await cache.start()
  watch.opened[0]!.done(Object.assign(new Error('gone'), { statusCode: 410 }))
  await until(() => watch.opened.length === 2)
  t.equal(lists(), 2)
  t.strictSame(seen.slice(2), ['delete one', 'update two'])
})

t.test('a list that fails is an error; it is listed at the next start', async (t) => {
  const { cache, seen, watch } = informer([async () => { throw new Error('down') }, list('5')])
  await cache.start()
  t.strictSame([seen, watch.opened.length], [['error down'], 0])
  await cache.start()
  t.equal(watch.opened.length, 1)
})

t.test('stopped while it lists it watches all the same: the watch has to know that it is over', async (t) => {
  let release = () => {}
  const released = new Promise<void>((resolve) => { release = resolve })
  const { cache, watch } = informer([async () => { await released; return list('5')() }])
  const started = cache.start()
  await cache.stop()
  release()
  await started
  t.equal(watch.opened.length, 1)
})

t.test('its own watch takes an ERROR that is no 410 for nothing, has no bookmarks and no end, and goes by NODE_TLS_REJECT_UNAUTHORIZED', async (t) => {
  const { cert, key } = makeAuthority().issue()
  const targets: string[] = []
  const server = createServer({ cert, key }, (request, response) => {
    targets.push(request.url ?? '')
    response.writeHead(200).end('{"type":"ERROR","object":{"code":500}}\n')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const config = new KubeConfig()
  // Nobody vouches for its certificate.
  config.loadFromClusterAndUser({ name: 'c', server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, skipTLSVerify: false }, { name: 'u', token: 'x' })
  const watchOnce = () => new Promise<unknown>((resolve) => { void new Watch(config).watch('/x', { resourceVersion: '5' }, () => {}, resolve) })
  t.match(await watchOnce(), { code: /CERT|UNABLE|SELF_SIGNED/ }, 'verified')
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  t.teardown(() => {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
  })
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  t.equal(await watchOnce(), null, 'no error, and no verification')
  t.strictSame(targets, ['/x?watch=true&resourceVersion=5'])
})
