// A verb that is read differently here and there: each request must be judged by the verb the API server sees.
import t from 'tap'
import { callerEntry, startTarget } from '../support/attack-target.ts'
import { keyFor } from '../support/keys.ts'

const keys = { lister: keyFor('lister00'), watcher: keyFor('watcher0'), getter: keyFor('getter00'), deleter: keyFor('deleter0') }
const pods = (verbs: string[], more: object = {}) => [{ apiGroups: [''], resources: ['pods'], verbs, namespaces: ['a'], ...more }]
const target = await startTarget(t, {
  callers: [
    callerEntry('lister', keys.lister, pods(['list'])), callerEntry('watcher', keys.watcher, pods(['watch'])),
    callerEntry('getter', keys.getter, pods(['get'])), callerEntry('deleter', keys.deleter, pods(['delete'])),
  ],
})

const list = '/api/v1/namespaces/a/pods'
const cases: readonly (readonly [method: string, path: string, seen: keyof typeof keys | 'none'])[] = [
  ['GET', list, 'lister'], ['HEAD', list, 'lister'], ['GET', `${list}/`, 'lister'],
  ['GET', `${list}?watch=1`, 'watcher'], ['GET', `${list}?watch=true`, 'watcher'], ['GET', `${list}?watch=t`, 'watcher'],
  ['GET', `${list}?watch=T`, 'watcher'], ['GET', `${list}?watch=TRUE`, 'watcher'], ['GET', `${list}?watch`, 'watcher'],
  ['GET', `${list}?watch=yes`, 'watcher'], ['GET', `${list}?watch=`, 'watcher'],
  ['GET', `${list}?watch=0`, 'lister'], ['GET', `${list}?watch=false`, 'lister'], ['GET', `${list}?watch=FALSE`, 'lister'],
  ['GET', `${list}?watch=false&watch=true`, 'lister'], ['GET', `${list}?watch=true&watch=false`, 'watcher'],
  ['GET', `${list}?w%61tch=true`, 'watcher'], ['GET', `${list}?Watch=true`, 'lister'],
  ['GET', `/api/v1/watch/namespaces/a/pods`, 'watcher'], ['GET', `/api/v1/watch/namespaces/a/pods/x`, 'watcher'],
  ['HEAD', `${list}?watch=true`, 'watcher'],
  ['GET', `${list}/x`, 'getter'], ['GET', `${list}/x?watch=true`, 'getter'], ['HEAD', `${list}/x`, 'getter'],
  ['DELETE', `${list}/x`, 'deleter'], ['DELETE', list, 'none'], ['DELETE', `${list}?fieldSelector=metadata.name%3Dx`, 'none'],
  ['GET', '/Api/v1/namespaces/a/pods', 'none'], ['GET', '/API/v1/namespaces/a/pods', 'none'], ['GET', '/api/v1/Namespaces/a/pods', 'none'],
  ['GET', '/api/v1/namespaces/a/Pods', 'none'], ['OPTIONS', list, 'none'],
]

for (const way of ['plain', 'tls', 'http2'] as const) {
  t.test(`${way}: each verb needs just that verb's rule`, async (t) => {
    for (const [method, path, seen] of cases) {
      for (const [name, { key }] of Object.entries(keys)) {
        const before = target.upstream.requests.length
        const { status } = await target.send(way, { method, target: path, key })
        const reached = target.upstream.requests.slice(before).filter((request) => request.target === path)
        t.equal(reached.length, name === seen ? 1 : 0, `${name}: ${method} ${path} (${status})`)
      }
    }
  })
}

t.test('a refusal of the wrong verb is one, with nothing upstream', async (t) => {
  for (const way of ['plain', 'tls', 'http2'] as const) {
    await target.refused(t, way, { target: `${list}?watch=t`, key: keys.lister.key }, { status: 403, code: 'ScopeDenied' })
    await target.refused(t, way, { target: `/api/v1/watch/namespaces/a/pods`, key: keys.lister.key }, { status: 403, code: 'ScopeDenied' })
  }
})

t.test('no sink holds a secret', (t) => target.silentSinks(t, Object.values(keys).map(({ key }) => key)))
