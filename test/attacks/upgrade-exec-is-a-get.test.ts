// Exec by WebSocket arrives as GET: whoever may only `get pods/exec` must not run commands.
import t from 'tap'
import { callerEntry, startTarget } from '../support/attack-target.ts'
import { keyFor } from '../support/keys.ts'
import { spdyHeaders, webSocketHeaders } from '../support/upgrades.ts'

const resources = ['pods/exec', 'pods/attach', 'pods/portforward']
const rules = (verbs: string[]) => [
  { apiGroups: [''], resources, verbs, namespaces: ['a'] },
  { apiGroups: [''], resources: ['nodes/proxy'], verbs, namespaces: ['*'], acknowledge: ['node-proxy'] },
]
const getter = keyFor('getter00')
const creator = keyFor('creator0')
const target = await startTarget(t, {
  callers: [
    callerEntry('getter', getter, rules(['get', 'list', 'watch', 'update', 'patch', 'delete'])),
    callerEntry('creator', creator, rules(['create'])),
  ],
})
const paths = [
  '/api/v1/namespaces/a/pods/x/exec?command=sh&stdin=true', '/api/v1/namespaces/a/pods/x/attach', '/api/v1/namespaces/a/pods/x/portforward?ports=80',
  '/api/v1/nodes/n/proxy/exec/a/x/c?command=sh', '/api/v1/nodes/n/proxy/run/a/x/c',
]
const handshakes = { websocket: ['GET', webSocketHeaders('v5.channel.k8s.io')], spdy: ['POST', spdyHeaders()], 'spdy by GET': ['GET', spdyHeaders()] } as const

for (const way of ['plain', 'tls'] as const) {
  for (const [name, [method, handshake]] of Object.entries(handshakes)) {
    t.test(`${way} ${name}: get alone is refused, create alone is enough`, async (t) => {
      for (const path of paths) {
        await target.refused(t, way, { method, target: path, headers: handshake, key: getter.key }, { status: 403, code: 'ScopeDenied' })
        const { status } = await target.send(way, { method, target: path, headers: handshake, key: creator.key })
        t.equal(status, 101, path)
      }
    })
  }

  t.test(`${way}: without an upgrade a GET is a get, and create does not help`, async (t) => {
    for (const path of paths) {
      await target.refused(t, way, { target: path, key: creator.key }, { status: 403, code: 'ScopeDenied' })
    }
  })
}

t.test('no sink holds a secret', (t) => target.silentSinks(t, [getter.key, creator.key]))
