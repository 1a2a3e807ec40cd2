// A fragment in the target: policy reads one path, the backend another.
import t from 'tap'
import { everyWay, startTarget } from '../support/attack-target.ts'

const target = await startTarget(t)

for (const way of everyWay) {
  t.test(`${way}: a fragment is 400`, async (t) => {
    for (const path of ['/version#/../api/v1/secrets', '/api/v1/namespaces/a/pods#', '/api/v1/namespaces/a/pods?x=1#y', '/#', '#/api']) {
      if (way === 'http2' && !path.startsWith('/')) continue
      await target.refused(t, way, { target: path }, { status: 400, code: path.startsWith('/') ? 'MalformedTarget' : 'MalformedHeader' })
    }
  })
}

t.test('no sink holds a secret', (t) => target.silentSinks(t))
