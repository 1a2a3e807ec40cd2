// The key that the audit log is signed with is guarded as the credentials are.
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { requireStartable } from '../../src/cli/startable.ts'
import { FaultsError, formatFault } from '../../src/files/fault.ts'

const config = `
listen: { host: 127.0.0.1 }
clusters: [{ name: prod, server: "https://x:6443", credential: { tokenEnv: TOKEN } }]
audit: { sinks: [{ file: { path: audit.log, signingKeyFile: signing.pem } }] }
`

async function faults(folder: string, allowLoose = false): Promise<string[]> {
  try {
    await requireStartable(join(folder, 'portcullis.yaml'), { env: { TOKEN: 'x' }, allowLoose })
    return []
  } catch (error) {
    if (error instanceof FaultsError) return error.faults.map(formatFault)
    throw error
  }
}

t.test('a start is refused where it is missing, or open to everybody', async (t) => {
  const folder = t.testdir({ 'portcullis.yaml': config, 'callers.yaml': 'callers: []' })
  t.match(await faults(folder), [/audit\.sinks\[0\]\.file\.signingKeyFile: .*signing\.pem does not exist/])
  writeFileSync(join(folder, 'signing.pem'), 'key')
  chmodSync(join(folder, 'signing.pem'), 0o644)
  t.match(await faults(folder), [/audit\.sinks\[0\]\.file\.signingKeyFile: .*is open to every user of this machine \(mode 0644\)/])
  t.strictSame(await faults(folder, true), [], '--allow-loose-permissions')
  chmodSync(join(folder, 'signing.pem'), 0o640)
  t.strictSame(await faults(folder), [])
})
