// The audit sink that posts: what its config may say, and what of it has to be there.
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { requireStartable } from '../../src/cli/startable.ts'
import { readConfig } from '../../src/config/load.ts'
import { referencesOf, secretVariablesOf } from '../../src/config/references.ts'
import { FaultsError, formatFault } from '../../src/files/fault.ts'

const configWith = (webhook: object) => JSON.stringify({
  listen: { host: '127.0.0.1' },
  clusters: [{ name: 'prod', server: 'https://x:6443', credential: { tokenEnv: 'TOKEN' } }],
  audit: { sinks: [{ webhook }] },
})

t.test('it has the defaults of the API server', async (t) => {
  const { config, faults } = readConfig('/etc/p/portcullis.yaml', configWith({ url: 'https://collector:8443/k8s-audit' }))
  t.strictSame(faults, [])
  t.strictSame(config?.audit.sinks, [{
    kind: 'webhook', url: 'https://collector:8443/k8s-audit', caFile: undefined, tlsServerName: undefined, credential: undefined,
    maxBatchSize: 400, bufferSize: 10_000, throttle: { perSecond: 10, burst: 15 }, maxWait: 30_000, initialBackoff: 10_000, timeout: 30_000,
  }])
})

t.test('files that it names are relative to the config, and its variable is withheld from what we start', async (t) => {
  const { config } = readConfig('/etc/p/portcullis.yaml', configWith({
    url: 'https://collector', caFile: 'ca.crt', credential: { clientCertificate: { certFile: 'c.crt', keyFile: 'c.key' } },
  }))
  t.match(referencesOf(config!).filter(({ path }) => path[0] === 'audit'), [
    { kind: 'file', path: ['audit', 'sinks', 0, 'webhook', 'caFile'], file: '/etc/p/ca.crt' },
    { kind: 'file', file: '/etc/p/c.crt' },
    { kind: 'secret', path: ['audit', 'sinks', 0, 'webhook', 'credential', 'clientCertificate', 'keyFile'], file: '/etc/p/c.key' },
  ])
  const { config: other } = readConfig('/f', configWith({ url: 'https://collector', credential: { tokenEnv: 'HOOK_TOKEN' } }))
  t.strictSame(secretVariablesOf(other!), ['TOKEN', 'HOOK_TOKEN'])
})

const faulty: readonly [string, object, RegExp][] = [
  ['no URL', {}, /webhook\.url: is missing/],
  ['what is no URL', { url: 'collector' }, /webhook\.url: must be a URL/],
  ['http to anywhere', { url: 'http://collector:8080/' }, /webhook\.url: must be https; http is for a loopback address alone/],
  ['http with a credential', { url: 'http://127.0.0.1:8080/', credential: { tokenEnv: 'T' } }, /webhook\.url: must be https where there is a credential/],
  ['a password in the URL', { url: 'https://u:p@collector/' }, /webhook\.url: must hold no user or password/],
  ['a query', { url: 'https://collector/?token=x' }, /webhook\.url: must have no query/],
  ['no pause at all', { url: 'https://collector', initialBackoff: '0s' }, /initialBackoff: must be more than 0/],
  ['an empty batch', { url: 'https://collector', maxBatchSize: 0 }, /maxBatchSize: must be/],
  ['no TLS verification', { url: 'https://collector', insecureSkipTlsVerify: true }, /does not exist: TLS is always verified/],
  ['a token in the config', { url: 'https://collector', credential: { token: 'abc' } }, /a token does not belong into the config/],
  ['the pod\'s own token', { url: 'https://collector', credential: { inCluster: {} } }, /is for the API server/],
  ['tokens of a cluster', { url: 'https://collector', credential: { tokenRequest: {} } }, /credential/],
]

for (const [what, webhook, message] of faulty) {
  t.test(`${what} is a fault`, async (t) => {
    const faults = readConfig('f.yaml', configWith(webhook)).faults.map(formatFault)
    t.match(faults.find(fault => message.test(fault)), message, faults.join('\n'))
    t.notMatch(faults.join('\n'), /u:p@|token=x|abc/)
  })
}

t.test('http to loopback, and the server of a kubeconfig, are none', async (t) => {
  for (const webhook of [{ url: 'http://127.0.0.1:9765/k8s-audit' }, { url: 'http://[::1]:1/' }, { credential: { kubeconfig: { file: 'k' } } }]) {
    t.strictSame(readConfig('f.yaml', configWith(webhook)).faults, [])
  }
})

t.test('a start is refused where a file of it is missing, or its credential is open to everybody', async (t) => {
  const faults = async (folder: string) => requireStartable(join(folder, 'portcullis.yaml'), { env: { TOKEN: 'x' }, allowLoose: false })
    .then(() => [], (error: unknown) => error instanceof FaultsError ? error.faults.map(formatFault) : [String(error)])
  const config = configWith({ url: 'https://collector', caFile: 'ca.crt', credential: { tokenFile: 'hook-token' } })
  t.match(await faults(t.testdir({ 'portcullis.yaml': config, 'callers.yaml': 'callers: []' })), [
    /webhook\.caFile: .*ca\.crt does not exist/, /webhook\.credential\.tokenFile: .*hook-token does not exist/,
  ])
  const folder = t.testdir({ 'portcullis.yaml': config, 'callers.yaml': 'callers: []', 'ca.crt': 'x', 'hook-token': 'x' })
  chmodSync(join(folder, 'hook-token'), 0o644)
  t.match(await faults(folder), [/webhook\.credential\.tokenFile: .*hook-token is open to every user of this machine/])
})
