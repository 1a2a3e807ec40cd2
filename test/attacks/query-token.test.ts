// A token in the query is no credential, and never logged.
import t from 'tap'
import { everyWay, startTarget } from '../support/attack-target.ts'

const target = await startTarget(t)
/** No sink can know it by its form. */
const secret = 'Zm9yZWlnbi1zZWNyZXQtdG9rZW4'
const pods = '/api/v1/namespaces/a/pods'
const queries = [
  `access_token=${secret}`, `token=${secret}`, `access_token=sha256~${secret}`, `x=1&access_token=${secret}&y=2`, `a%63cess_token=${secret}`, `ACCESS_TOKEN=${secret}`,
  `id_token=${secret}`, `refresh_token=${secret}`, `code=1&client_secret=${secret}`, `password=${secret}`, `api_key=${secret}`, `apikey=${secret}`,
]

for (const way of everyWay) {
  t.test(`${way}: a token in the query does not authenticate`, async (t) => {
    for (const query of queries) {
      await target.refused(t, way, { key: null, target: `${pods}?${query}` }, { status: 401, code: 'MissingKey' }, query)
    }
  })

  t.test(`${way}: beside a key it is hidden from every sink`, async (t) => {
    for (const query of queries) await target.send(way, { target: `${pods}?${query}` })
    await target.refused(t, way, { target: `${pods}?${queries[0]}#` }, { status: 400, code: 'MalformedTarget' })
    t.pass()
  })

  t.test(`${way}: the arguments of an exec may hold secrets too`, async (t) => {
    const answered = await target.send(way, { target: `${pods}/x/exec?command=login&command=--token%3D${secret}&command=--password&command=${secret}` })
    t.not(answered.status, 0)
  })
}

t.test('no sink holds the tokens', async (t) => {
  await target.silentSinks(t, [secret])
  t.match(target.tls.auditText(), /\/api\/v1\/namespaces\/a\/pods\?/, 'the rest of the query is kept')
})
