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

/** The credential of a kubeconfig; `meanwhile` is after its endpoint was read, and before there is a credential. */
async function ofKubeconfig(t: Test, text: string, meanwhile: { readonly after?: string, readonly signal?: AbortSignal }) {
  const folder = t.testdir({})
  const put = (text: string) => writeFileSync(join(folder, 'config'), text, { mode: 0o600 })
  put(text)
  const { config } = readConfig(join(folder, 'portcullis.yaml'), JSON.stringify({
    listen: { host: '127.0.0.1' }, clusters: [{ name: 'a', credential: { kubeconfig: { file: 'config' } } }],
  }))
  const cluster = config!.clusters[0]!
  const reading = await readEndpoint(cluster, { env: {}, allowLoose: false })
  const { after = text, signal } = meanwhile
  put(after)
  return makeCredential(cluster.credential, {
    ...reading, cluster, log: createLog({ level: 'silent', redact: redactSecrets }), secrets: new HeldSecrets(), env: { PATH: process.env.PATH }, secretVariables: [],
    allowLoose: false, patient: false, ...signal === undefined ? {} : { signal },
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
  await t.rejects(ofKubeconfig(t, kubeconfigOf({ user: { token: 'one' } }), { after: kubeconfigOf({ cluster: other, user: { token: 'other' } }) }), /now names another server/)
})

t.test('the plugin that is run is the one of the server that was read', async (t) => {
  const credential = await ofKubeconfig(t, kubeconfigOf({ user: plugin('one') }), { after: kubeconfigOf({ cluster: { server: 'https://other.example' }, user: plugin('other') }) })
  t.teardown(() => credential.close())
  t.equal(credential.present().authorization, 'Bearer one')
})

t.test('for one that is not wanted any more no plugin is run', async (t) => {
  const hanging = { exec: { ...plugin('').exec, args: ['-e', 'setInterval(() => {}, 1000)'] } }
  await t.rejects(ofKubeconfig(t, kubeconfigOf({ user: hanging }), { signal: AbortSignal.abort(new Error('shutting down')) }), { message: 'shutting down' })
})
