import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readConfig } from '../../src/config/load.ts'
import { HeldSecrets } from '../../src/credentials/held-secrets.ts'
import { createLog } from '../../src/log/log.ts'
import { redactSecrets } from '../../src/redaction/redact.ts'
import { makeCredential } from '../../src/wiring/credentials.ts'
import { readEndpoint } from '../../src/wiring/endpoint.ts'
import { kubeconfigOf } from '../support/kubeconfigs.ts'

/** A kubeconfig that is replaced after the endpoint was read, and before there is a credential. */
async function replacedBetween(t: Test, before: string, after: string) {
  const folder = t.testdir({})
  const put = (text: string) => writeFileSync(join(folder, 'config'), text, { mode: 0o600 })
  put(before)
  const { config } = readConfig(join(folder, 'portcullis.yaml'), JSON.stringify({
    listen: { host: '127.0.0.1' }, clusters: [{ name: 'a', credential: { kubeconfig: { file: 'config' } } }],
  }))
  const cluster = config!.clusters[0]!
  const reading = await readEndpoint(cluster, { env: {}, allowLoose: false })
  put(after)
  return makeCredential(cluster.credential, {
    ...reading, cluster, log: createLog({ level: 'silent', redact: redactSecrets }), secrets: new HeldSecrets(), env: { PATH: process.env.PATH }, secretVariables: [], allowLoose: false, patient: false,
  })
}

const plugin = (token: string) => ({
  exec: {
    apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath,
    args: ['-e', `console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token: '${token}' } }))`],
  },
})

t.test('the token of another server than the one that was read is no credential for it', async (t) => {
  const other = { server: 'https://other.example' }
  await t.rejects(replacedBetween(t, kubeconfigOf({ user: { token: 'one' } }), kubeconfigOf({ cluster: other, user: { token: 'other' } })), /now names another server/)
})

t.test('the plugin that is run is the one of the server that was read', async (t) => {
  const credential = await replacedBetween(t, kubeconfigOf({ user: plugin('one') }), kubeconfigOf({ cluster: { server: 'https://other.example' }, user: plugin('other') }))
  t.teardown(() => credential.close())
  t.equal(credential.present().authorization, 'Bearer one')
})
