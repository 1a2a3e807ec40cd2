// Which clusters a reload leaves as they are.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readConfig } from '../../src/config/load.ts'
import { HeldSecrets } from '../../src/credentials/held-secrets.ts'
import { createLog } from '../../src/log/log.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { redactSecrets } from '../../src/redaction/redact.ts'
import { wireClusters, type ClusterWiringOptions } from '../../src/wiring/clusters.ts'
import { jwt } from '../credentials/tokens.ts'
import { makeAuthority } from '../support/certificates.ts'
import { answering } from '../support/exec-plugin.ts'
import { kubeconfigOf } from '../support/kubeconfigs.ts'
import { startUpstream } from '../support/recording-upstream.ts'

const apiVersion = 'client.authentication.k8s.io/v1'
const token = jwt({ sub: 'system:serviceaccount:tools:portcullis' })
/** Prints a token of the account that the variable names, as far as it inherits that. */
const plugin = {
  apiVersion, command: process.execPath,
  args: ['-e', `const sub = 'system:serviceaccount:tools:' + (process.env.OTHER ?? 'nothing'); ${answering('{ token: [{}, { sub }, {}].map(part => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".") }')}`],
}
const server = 'https://127.0.0.1:9'

interface Folder {
  readonly path: string
  put(name: string, text: string): void
}

async function wire(t: Test, { path, put }: Folder, clusters: readonly object[], options: Partial<ClusterWiringOptions> = {}) {
  const configOf = (...clusters: object[]) => {
    put('portcullis.yaml', '')
    const { config, faults } = readConfig(join(path, 'portcullis.yaml'), JSON.stringify({ listen: { host: '127.0.0.1' }, clusters: clusters.map(cluster => ({ openshift: false, ...cluster })) }))
    t.strictSame(faults, [])
    return config!
  }
  const wired = await wireClusters(configOf(...clusters), {
    log: createLog({ level: 'silent', redact: redactSecrets }), secrets: new HeldSecrets(), metrics: createMetrics({ now: Date.now, nodeMetrics: false }),
    env: { PATH: process.env.PATH, OTHER: 'other' }, podNamespace: undefined, allowLoose: false, ...options,
  })
  t.teardown(() => wired.close())
  return {
    wired,
    async reload(...clusters: object[]) {
      const prepared = await wired.prepare(configOf(...clusters), new AbortController().signal)
      prepared.commit()
    },
  }
}

function folderOf(t: Test): Folder {
  const path = t.testdir({})
  return { path, put: (name, text) => writeFileSync(join(path, name), text, { mode: 0o600 }) }
}

for (const [what, credential] of [
  ['a plugin', { exec: plugin }],
  ['the plugin of a kubeconfig', { kubeconfig: { file: 'config' } }],
  ['the plugin that asks for tokens', { tokenRequest: { bootstrap: { exec: plugin } } }],
] as const) {
  t.test(`${what} inherits no variable that a reload made a secret of another cluster`, async (t) => {
    const upstream = await startUpstream(t)
    upstream.answer(({ target }) => {
      const account = /\/serviceaccounts\/(\w+)\/token$/.exec(target)?.[1]
      if (account === undefined) return { status: 404 }
      const status = { token: jwt({ sub: `system:serviceaccount:tools:${account}` }), expirationTimestamp: '2100-01-01T00:00:00Z' }
      return { status: 201, headers: ['Content-Type', 'application/json'], body: JSON.stringify({ status }) }
    })
    const folder = folderOf(t)
    folder.put('config', kubeconfigOf({ user: { exec: plugin } }))
    folder.put('ca', upstream.ca)
    const a = { name: 'a', server: upstream.url, caFile: 'ca', credential }
    const { wired, reload } = await wire(t, folder, [a])
    const known = () => wired.clusters.find('a')?.credential.facts().claims.account?.name
    t.equal(known(), 'other')
    await reload(a, { name: 'b', server, credential: { tokenEnv: 'OTHER' } })
    t.equal(known(), 'nothing')
  })
}

t.test('clusters without a plugin live on, whatever is a secret of others', async (t) => {
  const folder = folderOf(t)
  folder.put('token', token)
  const a = { name: 'a', server, credential: { tokenFile: 'token' } }
  const { wired, reload } = await wire(t, folder, [a])
  const before = wired.clusters.find('a')
  await reload(a, { name: 'b', server, credential: { tokenEnv: 'OTHER' } })
  t.equal(wired.clusters.find('a'), before)
})

/** Tells how many credentials are not closed. */
class CountedSecrets extends HeldSecrets {
  open = 0

  override holder(): (secrets: readonly string[]) => void {
    this.open += 1
    return (secrets) => { if (secrets.length === 0) this.open -= 1 }
  }
}

for (const [what, credential] of [['a cluster', { inCluster: {} }], ['what asks for its tokens', { tokenRequest: { bootstrap: { inCluster: {} } } }]] as const) {
  t.test(`where ${what} cannot be made the credential for it is closed`, async (t) => {
    const folder = folderOf(t)
    folder.put('token', token)
    folder.put('ca.crt', makeAuthority().ca)
    const secrets = new CountedSecrets()
    const env = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: 'none' }
    await t.rejects(wire(t, folder, [{ name: 'a', credential }], { secrets, env, podFolder: folder.path }), { message: 'server must be an https URL' })
    t.equal(secrets.open, 0)
  })
}
