// `oc logout` puts the bearer token into the path: DELETE …/oauthaccesstokens/pcl_…
import t from 'tap'
import { everyWay, startTarget } from '../support/attack-target.ts'
import { keyFor } from '../support/keys.ts'

const target = await startTarget(t)
const someone = keyFor('someone0')
const forms = (key: string) => [key, key.replace('_', '%5f'), key.replace('pcl', '%70cl'), `x${key}`, `${key}x`, key.replaceAll('_', '%5F')]

for (const way of everyWay) {
  t.test(`${way}: a key in the path or the query is 400`, async (t) => {
    for (const { key } of [target.root, someone]) {
      for (const form of forms(key)) {
        const path = `/apis/oauth.openshift.io/v1/oauthaccesstokens/${form}`
        await target.refused(t, way, { method: way === 'upgrade' ? 'GET' : 'DELETE', target: path }, { status: 400, code: 'MalformedTarget' })
        await target.refused(t, way, { target: `/api/v1/namespaces/a/pods?token=${form}` }, { status: 400, code: 'MalformedTarget' })
      }
    }
  })

  t.test(`${way}: without a right key it is refused the same, before anything is looked up`, async (t) => {
    await target.refused(t, way, { target: `/api/${someone.key}`, key: null }, { status: 400, code: 'MalformedTarget' })
  })
}

t.test('no sink shows a key in any form, only its id', async (t) => {
  await target.silentSinks(t, [...forms(target.root.key), ...forms(someone.key), someone.key.slice(13), target.root.key.slice(13)])
  t.match(target.tls.auditText(), /pcl_someone0_\[redacted\]/)
})
