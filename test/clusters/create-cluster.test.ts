import t from 'tap'
import { clusterFor, credentialOf } from '../support/cluster-builders.ts'
import { startUpstream } from '../support/recording-upstream.ts'

const nowhere = { url: 'https://api.example:6443', ca: '' }

t.test('a server\'s URL is read into origin, base path and the name in its certificate', async (t) => {
  const rows: [server: string, origin: string, basePath: string, servername: string][] = [
    ['https://api.example:6443', 'https://api.example:6443', '', 'api.example'],
    ['https://api.example:443/', 'https://api.example', '', 'api.example'],
    ['https://rancher.example/k8s/clusters/c-1', 'https://rancher.example', '/k8s/clusters/c-1', 'rancher.example'],
    ['https://rancher.example/k8s/clusters/c-1//', 'https://rancher.example', '/k8s/clusters/c-1', 'rancher.example'],
    ['https://10.0.0.1:6443', 'https://10.0.0.1:6443', '', ''],
    ['https://[fd00::1]:6443', 'https://[fd00::1]:6443', '', ''],
  ]
  for (const [server, origin, basePath, servername] of rows) {
    const cluster = clusterFor(t, nowhere, { server })
    t.match({ ...cluster, tls: cluster.tls() }, { origin, basePath, tls: { servername } }, server)
  }
  t.equal(clusterFor(t, nowhere, { server: 'https://10.0.0.1', tlsServerName: 'kubernetes' }).tls().servername, 'kubernetes')
})

t.test('a server that cannot prove itself, or holds more than an address, is refused', async (t) => {
  for (const server of [
    'http://api.example', 'api.example:6443', 'wss://api.example', '', 'https://user:pass@api.example',
    'https://api.example/?x=1', 'https://api.example/#x',
  ]) t.throws(() => clusterFor(t, nowhere, { server }), { message: /^server m/ }, server)
})

t.test('its facts are what is configured and what the credential knows', async (t) => {
  const facts = clusterFor(t, nowhere, { name: 'b', openshift: true, ownNamespaces: ['portcullis'] }).facts()
  t.strictSame(facts, {
    name: 'b', openshift: true, account: { namespace: 'portcullis', name: 'proxy' }, ownNamespaces: ['portcullis'],
  })
})

t.test('closing lets go of idle connections and of the credential', async (t) => {
  const upstream = await startUpstream(t)
  const credential = credentialOf('x')
  const cluster = clusterFor(t, upstream, { credential })
  await cluster.fetch('/version', [])
  await cluster.close()
  await upstream.connections[0]?.closed
  t.equal(credential.closed, true)
  await t.rejects(cluster.fetch('/version', []), { code: 'UpstreamUnreachable' })
})
