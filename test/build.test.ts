import { EventEmitter, once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { build } from '../src/build.ts'
import { HeldSecrets } from '../src/credentials/held-secrets.ts'
import type { Config } from '../src/config/config.ts'
import { readConfig } from '../src/config/load.ts'
import { createLog } from '../src/log/log.ts'
import { redactSecrets } from '../src/redaction/redact.ts'
import { makeAuthority } from './support/certificates.ts'
import { keyFor } from './support/keys.ts'
import type { Scope } from './support/scope.ts'

const authority = makeAuthority()
const [before, after] = [keyFor('before00'), keyFor('after000')]
const callersFile = ({ id, sha256 }: { id: string, sha256: string }) => JSON.stringify({ callers: [{ name: id, keys: [{ id, sha256 }] }] })

function configOf(folder: string, fields: { readonly tls?: boolean, readonly caFile?: string, readonly callers?: string, readonly level?: string }): Config {
  const { tls = false, caFile = 'ca.crt', callers = 'before.yaml', level = 'info' } = fields
  const { config, faults } = readConfig(join(folder, 'portcullis.yaml'), JSON.stringify({
    listen: { host: '127.0.0.1', port: 0, ...tls ? { tls: { certFile: 'tls.crt', keyFile: 'tls.key' } } : {} },
    admin: { port: 0 },
    // Nobody is there: nothing here asks the API server.
    clusters: [{ name: 'a', server: 'https://127.0.0.1:9', caFile, openshift: false, credential: { tokenEnv: 'TOKEN' } }],
    callers: { file: callers },
    audit: { sinks: [{ file: { path: 'audit.log' } }] },
    log: { level },
  }))
  if (config === undefined) throw new Error(JSON.stringify(faults))
  return config
}

async function start(t: Scope, config: Config) {
  const lines = new EventEmitter<{ line: [string] }>()
  const log = createLog({ level: config.log.level, redact: redactSecrets, destination: { write: line => void lines.emit('line', line) } })
  const proxy = await build(config, { secrets: new HeldSecrets(), log, env: { TOKEN: 'x' }, nodeMetrics: false })
  t.teardown(() => proxy.close({ patience: 100 }))
  return { proxy, log, lines }
}

t.test('a config that cannot be put in force changes nothing, the callers neither', async (t) => {
  const folder = t.testdir({ 'ca.crt': authority.ca, 'before.yaml': callersFile(before), 'after.yaml': callersFile(after) })
  const { proxy } = await start(t, configOf(folder, {}))
  const statusFor = async (key: string) => (await fetch(`http://127.0.0.1:${proxy.port}/metrics`, { headers: { 'X-API-Key': key } })).status
  await t.rejects(proxy.apply(configOf(folder, { callers: 'after.yaml', caFile: 'missing.crt' })), { code: 'ENOENT' })
  t.strictSame([await statusFor(before.key), await statusFor(after.key)], [403, 401])
  await proxy.apply(configOf(folder, { callers: 'after.yaml' }))
  t.strictSame([await statusFor(before.key), await statusFor(after.key)], [401, 403])
})

t.test('the certificates of a config that came later are followed as well', async (t) => {
  const folder = t.testdir({ 'ca.crt': authority.ca, 'other.crt': authority.ca, 'before.yaml': callersFile(before) })
  const { proxy, lines } = await start(t, configOf(folder, {}))
  await proxy.apply(configOf(folder, { caFile: 'other.crt' }))
  await writeFile(join(folder, 'other.crt'), 'no certificate')
  const [line] = await once(lines, 'line') as [string]
  t.match(JSON.parse(line), { level: 'error', msg: 'a file that the config names could not be reloaded: what was in force before still is' })
})
