// Two credentials, of which proxy and backend may choose differently.
import t from 'tap'
import { callerEntry, everyWay, startTarget } from '../support/attack-target.ts'
import { keyFor } from '../support/keys.ts'
import { bearerProtocol } from '../support/upgrades.ts'

const other = keyFor('otherone')
const target = await startTarget(t, { callers: [callerEntry('other', other, [])] })
const good = `Bearer ${target.root.key}`
const bad = `Bearer ${keyFor('nobody00').key}`

const cases: readonly (readonly [name: string, headers: readonly string[]])[] = [
  ['good then bad', ['Authorization', good, 'Authorization', bad]],
  ['bad then good', ['Authorization', bad, 'Authorization', good]],
  ['the same twice', ['Authorization', good, 'authorization', good]],
  ['good then empty', ['Authorization', good, 'Authorization', '']],
  ['empty then good', ['Authorization', '', 'AUTHORIZATION', good]],
  ['two callers', ['Authorization', good, 'Authorization', `Bearer ${other.key}`]],
  ['Authorization and X-API-Key', ['Authorization', good, 'X-API-Key', target.root.key]],
  ['X-API-Key and a bad Authorization', ['X-API-Key', target.root.key, 'Authorization', bad]],
  ['X-API-Key and Basic', ['X-API-Key', target.root.key, 'Authorization', 'Basic eDp5']],
  ['two X-API-Key', ['X-API-Key', target.root.key, 'X-API-Key', other.key]],
  ['Authorization and a subprotocol', ['Authorization', good, 'Sec-WebSocket-Protocol', `${bearerProtocol(target.root.key)}, v4.channel.k8s.io`]],
  ['two subprotocols', ['Sec-WebSocket-Protocol', `${bearerProtocol(target.root.key)}, ${bearerProtocol(other.key)}, v4.channel.k8s.io`]],
]

for (const way of everyWay) {
  t.test(`${way}: more than one credential is 400, whichever is good`, async (t) => {
    for (const [name, headers] of cases) {
      await target.refused(t, way, { key: null, headers }, { status: 400, code: 'AmbiguousCredential' }, name)
    }
  })
}

t.test('no sink holds a secret', (t) => target.silentSinks(t, [other.key, Buffer.from(other.key).toString('base64url')]))
