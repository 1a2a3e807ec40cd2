// The commands on callers that are kept in the Kubernetes API.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { callerAddCommand } from '../../src/cli/caller-add.ts'
import { canICommand } from '../../src/cli/can-i.ts'
import { checkCommand } from '../../src/cli/check.ts'
import { keyCreateCommand } from '../../src/cli/key-create.ts'
import { keyRevokeCommand } from '../../src/cli/key-revoke.ts'
import { loadKnown } from '../../src/cli/load-known.ts'
import { rbacCommand } from '../../src/cli/rbac.ts'
import { keyOf, namespace, openStore, rule, startStoreServer } from '../support/callers-store.ts'
import { ear } from '../support/command.ts'
import { until } from '../support/until.ts'
import { readManifests } from './rbac-matcher.ts'

async function commands(t: Test, more: Parameters<typeof startStoreServer>[1] = {}) {
  const server = await startStoreServer(t, more)
  const folder = t.testdir({
    'ca.crt': server.ca,
    'p.yaml': JSON.stringify({
      listen: { insecure: true }, callers: { kubernetes: { namespace } },
      clusters: [{ name: 'prod', server: `https://localhost:${server.front.port}`, caFile: 'ca.crt', credential: { tokenEnv: 'T' } }],
    }),
  })
  const env = { T: server.token }
  const run = async (command: (deps: { stdout: ReturnType<typeof ear>, stderr: ReturnType<typeof ear>, env: typeof env, now: () => number, random: (bytes: number) => Buffer, stdin: never }) => Promise<number>) => {
    const [stdout, stderr] = [ear(), ear()]
    const code = await command({ stdout, stderr, env, now: Date.now, random: bytes => Buffer.alloc(bytes, 7), stdin: undefined as never })
    return { code, stdout: stdout.text, stderr: stderr.text }
  }
  return { server, configFile: join(folder, 'p.yaml'), env, run }
}

t.test('a caller is added, gets a key and loses it, and the proxy follows', async (t) => {
  const { server, configFile, run } = await commands(t)
  await server.put('scopes', 'pods', { rules: [rule] })
  const { store } = openStore(t, server)
  await store.loaded
  t.match(await run(deps => callerAddCommand({ configFile, name: 'ci', scope: ['pods'], cluster: [], allowedFrom: [] }, deps)), { code: 0 })
  const made = await run(deps => keyCreateCommand({ configFile, caller: 'ci' }, deps))
  t.match(made, { code: 0, stdout: /^pcl_\w{8}_\w{49}\n$/, stderr: new RegExp(`callers.portcullis.dev/${namespace}/ci`) })
  const id = made.stdout.slice(4, 12)
  await until(() => store.findKey(id)?.definition.grants[0]?.rules.length === 1)
  t.match(await run(deps => keyRevokeCommand({ configFile, id }, deps)), { code: 0 })
  await until(() => store.findKey(id)?.revokedAt !== undefined)
})

t.test('can-i and check judge by the objects: a faulty one holds nobody else up, and check names it', async (t) => {
  const { server, configFile, env, run } = await commands(t)
  await server.put('callers', 'ci', { rules: [rule], keys: [keyOf('aaaaaaaa')] })
  await server.put('callers', 'bad', { scopes: [{ name: 'gone' }], allowedFrom: ['nowhere'], keys: [keyOf('bbbbbbbb')] })
  const load = () => loadKnown(configFile, env)
  t.match(await run(deps => canICommand({ caller: 'ci', verb: 'get', resource: 'pods/web', namespace: 'team-a' }, { ...deps, load })), { code: 0, stdout: /^yes/ })
  t.match(await run(deps => canICommand({ caller: 'bad', verb: 'get', resource: 'pods' }, { ...deps, load })), { code: 1, stderr: /there is no caller/ })
  const checked = await run(deps => checkCommand({ configFile }, deps))
  t.equal(checked.code, 1)
  t.match(checked.stdout, new RegExp(`callers.portcullis.dev/${namespace}/bad:1:1 spec.allowedFrom\\[0\\]: must be a CIDR`))
  t.match(checked.stdout, /spec.scopes\[0\]: names no scope: gone/)
})

t.test('where the API cannot be reached, or has no CRDs, the commands say so', async (t) => {
  const shut = await commands(t, { shut: true })
  t.match(await run1(shut), { code: 1, stderr: new RegExp(`the callers are kept in cluster prod, namespace ${namespace}: .*(could not be reached|closed the connection)`) })
  const bare = await commands(t, { bare: true })
  t.match(await run1(bare), { code: 1, stderr: /serves no callers.portcullis.dev .*: kubectl apply -f helm\/portcullis\/crds/ })
})

t.test('check says that the callers are out of reach as one fault, beside what it found of the config', async (t) => {
  const { configFile, run } = await commands(t, { shut: true })
  const config = JSON.parse(readFileSync(configFile, 'utf8')) as { listen: object }
  writeFileSync(configFile, JSON.stringify({ ...config, listen: { tls: { certFile: 'none.crt', keyFile: 'none.key' } } }))
  const { code, stdout } = await run(deps => checkCommand({ configFile }, deps))
  t.equal(code, 1)
  t.match(stdout, new RegExp(`p\\.yaml:1:\\d+ callers: the callers are kept in cluster prod, namespace ${namespace}: .*(could not be reached|closed the connection)`))
  t.match(stdout, /warning: .*none\.crt/)
  t.match(stdout, /p\.yaml: 1 fault, \d+ warnings$/m)
})

function run1({ run, configFile, env }: Awaited<ReturnType<typeof commands>>) {
  return run(deps => canICommand({ caller: 'ci', verb: 'get', resource: 'pods' }, { ...deps, load: () => loadKnown(configFile, env) }))
}

t.test('rbac prints what the store needs, in its namespace and on its cluster alone', async (t) => {
  const { configFile, run } = await commands(t)
  const { stdout } = await run(deps => rbacCommand({ configFile }, deps))
  const role = readManifests(stdout).find(({ kind, metadata }) => kind === 'Role' && metadata.name === `portcullis-${namespace}`)
  t.strictSame(role?.rules, [
    { apiGroups: ['portcullis.dev'], resources: ['callers', 'scopes'], verbs: ['list', 'watch'] },
    { apiGroups: ['portcullis.dev'], resources: ['callers/status', 'scopes/status'], verbs: ['patch'] },
  ])
  // Before the account has any rights there is nothing to be read.
  let bound = true
  const refused = await commands(t, { authorize: (_user, _method, path) => bound || !path.includes('portcullis.dev') })
  bound = false
  const first = await refused.run(deps => rbacCommand({ configFile: refused.configFile }, deps))
  t.match(first, { code: 0, stderr: /our account may not do that[^]*apply it, and run this again/ })
  t.strictSame(readManifests(first.stdout).find(({ metadata }) => metadata.name === `portcullis-${namespace}`)?.rules, role?.rules)
})
