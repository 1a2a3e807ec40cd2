// Timers of ours keep no process alive; whoever waits for a renewal must not end with it.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const module = fileURLToPath(new URL('../../src/credentials/renewing.ts', import.meta.url))
/** Obtains one, has it rejected at once, and waits for the next with nothing else open. */
const script = `
const { Renewing } = await import(${JSON.stringify(module)})
const { noClaims } = await import(${JSON.stringify(module.replace('renewing', 'claims'))})
let issued = 0
const log = { info() {}, warn() {}, error() {} }
const issue = async () => ({ presented: { authorization: 'Bearer ' + ++issued, certificate: undefined }, claims: noClaims })
const credential = new Renewing({ kind: 'exec', source: 'a test', renewal: '', issue, log })
await credential.start()
const renewed = await credential.renew(credential.present())
console.log(renewed, issued)
`

t.test('a renewal that is waited for comes to its end, and nothing holds the process after it', async (t) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...process.execArgv, '--input-type=module', '-e', script], { encoding: 'utf8' })
  t.equal(stdout, 'true 2\n', stderr)
  t.equal(status, 0)
})
