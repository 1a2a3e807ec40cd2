import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../src/config/load.ts'
import { findMissing } from '../../src/config/referenced.ts'

function configOf(t: { testdir: (files: Record<string, string>) => string }, credential: object, files: Record<string, string> = {}) {
  const cluster = { name: 'prod', server: 'https://api.example:6443', credential }
  const folder = t.testdir({ 'portcullis.yaml': JSON.stringify({ listen: { host: '127.0.0.1' }, clusters: [cluster] }), ...files })
  return { folder, loading: loadConfig(join(folder, 'portcullis.yaml')) }
}

const plugin = { command: 'vault-plugin' }

t.test('a plugin has time, and no more than a timer can wait', async (t) => {
  for (const [timeout, fault] of [['0s', true], ['24d', false], ['25d', true], ['1ms', false]] as const) {
    for (const [path, credential] of [
      ['clusters[0].credential.exec.timeout', { exec: { ...plugin, timeout } }],
      ['clusters[0].credential.tokenRequest.bootstrap.exec.timeout', { tokenRequest: { bootstrap: { exec: { ...plugin, timeout } } } }],
    ] as const) {
      const { faults } = await configOf(t, credential).loading
      const expected = fault ? [{ path, message: 'must be more than 0 and at most 24d' }] : []
      t.strictSame(faults.map(({ path, message }) => ({ path, message })), expected, `${path} ${timeout}`)
    }
  }
})

t.test('a credential that is broken in another way is told of that alone', async (t) => {
  for (const credential of [{ exec: null }, { exec: 'vault' }, { tokenRequest: null }, 'vault', null]) {
    const { faults } = await configOf(t, credential as object).loading
    t.ok(faults.length > 0, JSON.stringify(credential))
    t.notOk(faults.some(({ path }) => path.endsWith('timeout')), JSON.stringify(credential))
  }
})

t.test('a command that is a path is missed where it is not; a mere name may be anywhere', async (t) => {
  for (const [command, missing] of [['./plugin', []], ['./nowhere', ['clusters[0].credential.exec.command']], ['nowhere', []]] as const) {
    const { folder, loading } = configOf(t, { exec: { command } }, { plugin: '' })
    chmodSync(join(folder, 'plugin'), 0o755)
    const { config, locate } = await loading
    const findings = config === undefined ? [] : await findMissing(config, { env: {} })
    t.strictSame(findings.filter(({ path }) => path.includes('credential')).map(finding => locate(finding).path), missing, command)
  }
})

t.test('both files of a client certificate are missed where they are not', async (t) => {
  const { loading } = configOf(t, { clientCertificate: { certFile: 'tls.crt', keyFile: 'tls.key' } }, { 'tls.crt': '' })
  const { config, locate } = await loading
  const findings = config === undefined ? [] : await findMissing(config, { env: {} })
  t.match(findings.filter(({ path }) => path.includes('credential')).map(finding => locate(finding)), [
    { path: 'clusters[0].credential.clientCertificate.keyFile', message: /tls\.key does not exist$/ },
  ])
})
