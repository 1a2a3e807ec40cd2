// What src/credentials/kubeconfig-file.ts relies on, and what it works around.
import { join } from 'node:path'
import t from 'tap'
import { KubeConfig } from '@kubernetes/client-node'
import { kubeconfigOf } from '../support/kubeconfigs.ts'

function load(text: string): KubeConfig {
  const kubeconfig = new KubeConfig()
  kubeconfig.loadFromString(text, { onInvalidEntry: 'filter' })
  return kubeconfig
}

t.test('what is not there is null, and what is invalid is left out', async (t) => {
  const kubeconfig = load(kubeconfigOf({
    users: [null, { name: 'u', user: { token: 'one' } }],
    clusters: [{ name: 'c', cluster: {} }, { name: 'd', cluster: { server: 'https://d/' } }],
    contexts: [{ name: 'broken' }, { name: 'main', context: { cluster: 'c' } }],
  }))
  t.strictSame(kubeconfig.getContexts().map(({ name }) => name), ['main'])
  t.equal(kubeconfig.getContextObject('broken'), null)
  t.equal(kubeconfig.getCluster('c'), null)
  t.match(kubeconfig.getCluster('d'), { name: 'd', server: 'https://d', skipTLSVerify: false })
  t.match(kubeconfig.getUser('u'), { name: 'u', token: 'one' })
  t.equal(kubeconfig.getUser(kubeconfig.getContextObject('main')?.user ?? ''), null)
})

t.test('of a user it keeps no tokenFile and no impersonated groups: those are read from the file itself', async (t) => {
  const user = load(kubeconfigOf({ user: { 'tokenFile': '/no/such/file', 'as-groups': ['g'] } })).getUser('u')
  t.notOk(JSON.stringify(user).includes('/no/such/file'))
  t.notOk(JSON.stringify(user).includes('as-groups'))
})

t.test('a file that token-file names is read for every user, whichever is wanted: it never gets to see that field', async (t) => {
  const file = join(t.testdir({ token: 'from-the-file' }), 'token')
  t.match(load(kubeconfigOf({ user: { 'token-file': file } })).getUser('u'), { token: 'from-the-file' })
})

t.test('what it says of a text that is no YAML repeats the text: it only ever gets JSON of ours', async (t) => {
  t.throws(() => load('users: [ { token: S3cret'), { message: /S3cret/ })
})
