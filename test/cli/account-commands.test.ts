// The commands about our own account as they are typed: their options, their exit codes, and that they end.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { jwt } from '../credentials/tokens.ts'
import { builtMain } from '../support/built.ts'
import { startUpstream } from '../support/recording-upstream.ts'
import { removeLater } from '../support/scope.ts'
import { typed } from '../support/typed.ts'

const main = builtMain()
const token = jwt({ sub: 'system:serviceaccount:ops:proxy', 'kubernetes.io': { namespace: 'ops', serviceaccount: { name: 'proxy' } } })

/** In a process of its own. */
async function portcullis(t: Test, args: readonly string[], env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [main, ...args], { env: { ...process.env, ...env } })
  t.teardown(() => child.kill('SIGKILL'))
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (text: Buffer) => { stdout += text.toString() })
  child.stderr.on('data', (text: Buffer) => { stderr += text.toString() })
  const [code] = await once(child, 'close') as [number | null]
  return { code, stdout, stderr }
}

t.test('token inspect, rbac and check', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-account-'))
  removeLater(t, folder)
  const upstream = await startUpstream(t)
  upstream.answer(() => 'hold')
  const file = (name: string) => join(folder, name)
  await writeFile(file('ca.crt'), upstream.ca)
  await writeFile(file('callers.yaml'), 'callers: [{ name: ci, rules: [{ apiGroups: [""], resources: [pods], verbs: [get], namespaces: ["b-*"] }] }]')
  await writeFile(file('p.yaml'), `listen: { insecure: true }\nclusters: [{ name: prod, server: "${upstream.url}", caFile: ca.crt, credential: { tokenEnv: T } }]\n`)
  const config = ['--config', file('p.yaml')]

  const inspected = await typed(['token', 'inspect', ...config, '--cluster', 'prod', '--json', '--offline', '--allow-loose-permissions'], { T: token })
  t.match(inspected, { code: 0, exited: 0, stderr: '' })
  t.match(JSON.parse(inspected.stdout), [{ cluster: 'prod', user: 'system:serviceaccount:ops:proxy', acceptedReason: '--offline' }])

  const printed = await typed(['rbac', ...config, '--cluster', 'prod', '--service-account', 'x/y', '--namespace', 'b-1', '--namespace', 'b-2'], { T: token })
  t.match(printed, { code: 0, exited: undefined, stdout: /name: portcullis-b-1\n(.*\n)*.*name: portcullis-b-2\n(.*\n)*.*namespace: x\n {4}name: y\n/ })

  // The API server holds its answer back: check says so after a while, and does not wait for it to end.
  t.match(await portcullis(t, ['check', ...config], { T: token }), { code: 0, stdout: /^cluster prod was not asked what our account may do: there was no answer within 3 s$/m })
})
