import { join } from 'node:path'
import t, { type Test } from 'tap'
import { accountOfBootstrap, loadKnown } from '../../src/cli/load-known.ts'
import { makeAuthority } from '../support/certificates.ts'
import { base64, kubeconfigOf } from '../support/kubeconfigs.ts'
import { jwt } from '../credentials/tokens.ts'

const account = { namespace: 'tools', name: 'portcullis' }
const sub = 'system:serviceaccount:tools:portcullis'
const { cert, key } = makeAuthority().issue({ commonName: sub })

async function accountIn(t: Test, credential: object, files: Readonly<Record<string, string>>) {
  const folder = t.testdir({
    ...files,
    'portcullis.yaml': JSON.stringify({ listen: { host: '127.0.0.1' }, clusters: [{ name: 'a', server: 'https://a', credential }] }),
    'callers.yaml': 'callers: []',
  })
  const { clusterFacts } = await loadKnown(join(folder, 'portcullis.yaml'), {})
  return clusterFacts(undefined)?.account
}

t.test('the account of a kubeconfig is what its token or its certificate says', async (t) => {
  const credential = { kubeconfig: { file: 'config' } }
  t.strictSame(await accountIn(t, credential, { config: kubeconfigOf({ user: { token: jwt({ sub }) } }) }), account)
  t.strictSame(await accountIn(t, credential, { config: kubeconfigOf({ user: { tokenFile: 'token' } }), token: jwt({ sub }) }), account)
  t.strictSame(await accountIn(t, credential, { config: kubeconfigOf({ user: { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) } }) }), account)
  t.strictSame(await accountIn(t, { tokenRequest: { bootstrap: credential } }, { config: kubeconfigOf({ user: { token: jwt({ sub }) } }) }), account)
})

t.test('of a tokenRequest the bootstrap\'s account is known beside the one that is minted for', async (t) => {
  const folder = t.testdir({
    'portcullis.yaml': JSON.stringify({
      listen: { host: '127.0.0.1' },
      clusters: [{ name: 'a', server: 'https://a', credential: { tokenRequest: { bootstrap: { tokenFile: 'token' }, serviceAccount: account } } }],
    }),
    'callers.yaml': 'callers: []',
    'token': jwt({ sub: 'system:serviceaccount:boot:minter' }),
  })
  const { clusterFacts } = await loadKnown(join(folder, 'portcullis.yaml'), {})
  t.match(clusterFacts(undefined), { account, bootstrapAccount: { namespace: 'boot', name: 'minter' } })
})

t.test('the account of a client certificate is what that says', async (t) => {
  t.strictSame(await accountIn(t, { clientCertificate: { certFile: 'a.crt', keyFile: 'a.key' } }, { 'a.crt': cert }), account)
})

t.test('without asking a plugin, and where nothing is there, it is not known', async (t) => {
  const credential = { kubeconfig: { file: 'config' } }
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: '/no/such/plugin' }
  t.equal(await accountIn(t, credential, { config: kubeconfigOf({ user: { exec } }) }), undefined)
  t.equal(await accountIn(t, credential, {}), undefined)
})

t.test('the account of a pod is what its token says', async (t) => {
  t.strictSame(await accountOfBootstrap({ kind: 'inCluster' }, {}, t.testdir({ token: jwt({ sub }) })), account)
  t.equal(await accountOfBootstrap({ kind: 'inCluster' }, {}, t.testdir({})), undefined)
})
