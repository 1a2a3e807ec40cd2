import { join } from 'node:path'
import t from 'tap'
import { loadKnown } from '../../src/cli/load-known.ts'

t.test('offline nothing is asked, so nothing is pending, and no constraint is known to be out of reach', async (t) => {
  const folder = t.testdir({
    'portcullis.yaml': JSON.stringify({ listen: { host: '127.0.0.1' }, clusters: [{ name: 'a', server: 'https://a', openshift: true, credential: { tokenFile: 'token' } }] }),
    'callers.yaml': 'callers: []',
    'token': 'sha256~opaque',
  })
  const { clusterFacts } = await loadKnown(join(folder, 'portcullis.yaml'), {})
  t.strictSame(clusterFacts(undefined), {
    name: 'a', openshift: true, account: undefined, bootstrapAccount: undefined, accountPending: false, restrictedIn: new Set(), settled: true, ownNamespaces: [],
  })
})
