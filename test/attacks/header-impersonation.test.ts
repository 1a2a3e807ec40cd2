// Confused deputy: our account may impersonate, the caller may not. Dropping a header would
// act with more power than asked for, so it is refused.
import t from 'tap'
import { everyWay, startTarget } from '../support/attack-target.ts'

const target = await startTarget(t)

const cases: readonly (readonly string[])[] = [
  ['Impersonate-User', 'system:admin'],
  ['Impersonate-Group', 'system:masters'],
  ['Impersonate-User', 'a', 'Impersonate-Group', 'system:masters', 'Impersonate-Group', 'b'],
  ['Impersonate-Uid', '1'],
  ['Impersonate-Extra-Scopes', 'x'],
  ['impersonate-USER', 'a'],
  ['impersonate_user', 'a'],
  ['Impersonate_Group', 'system:masters'],
  ['Impersonate-User', ''],
  ['Impersonate-Anything', 'x'],
  ['Impersonate-User', 'a', 'Impersonate-User', 'b'],
]

for (const way of everyWay) {
  t.test(`${way}: Impersonate headers are refused, never dropped`, async (t) => {
    for (const headers of cases) {
      const code = 'ImpersonationDenied'
      await target.refused(t, way, { headers }, { status: 403, code })
      // A header that Connection nominates is still asked for.
      if (way === 'plain' || way === 'tls') {
        await target.refused(t, way, { headers: ['Connection', headers[0]!, ...headers] }, { status: 403, code })
      }
    }
  })
}

t.test('no sink holds a secret', (t) => target.silentSinks(t))
