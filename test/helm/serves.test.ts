// What the chart makes of its values serves: the container's own command, with what its volumes would bring, before a
// cluster that has the chart's CRDs; asked as kubelet, helm test and a caller would.
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { namespace, startStoreServer } from '../support/callers-store.ts'
import { makeAuthority } from '../support/certificates.ts'
import { render, valuesFile } from '../support/chart.ts'
import { freePort } from '../support/envtest.ts'
import { keyFor } from '../support/keys.ts'
import { mountPod } from '../support/mounted-pod.ts'
import { connectRaw } from '../support/raw-client.ts'
import { runCommand } from '../support/run-command.ts'
import { removeLater } from '../support/scope.ts'
import { startServe } from '../support/serve-process.ts'
import { until } from '../support/until.ts'

t.setTimeout(300_000)

const sample = await startStoreServer(t)
const ci = keyFor('aaaaaaaa')
const list = (resource: string, where: string) => ({ verbs: ['list'], apiGroups: [''], resources: [resource], namespaces: [where] })
await sample.put('callers', 'ci', { rules: [list('pods', 'team-a'), list('secrets', namespace)], keys: [{ id: ci.id, sha256: ci.sha256, createdAt: '2026-01-01T00:00:00Z' }] })

/** Starts the pod of these values, in the namespace of the store; with where it listens. */
async function startPod(t: Test, args: readonly string[]) {
  const root = await mkdtemp(join(tmpdir(), 'portcullis-pod-'))
  removeLater(t, root)
  const [port, adminPort] = [await freePort(), await freePort()]
  const { manifests } = await render([...args, '--namespace', namespace, '--set', `config.listen.port=${port},config.admin.port=${adminPort}`])
  for (const account of manifests.filter(({ kind }) => kind === 'ServiceAccount')) await sample.call('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, { body: account })
  const authority = makeAuthority()
  const { cert, key } = authority.issue()
  const url = new URL(sample.sample.url)
  const outside = { 'tls.crt': cert, 'tls.key': key }
  const { configFile, podFolder } = await mountPod(manifests, root, url.origin, { outside, token: sample.token, ca: sample.ca, namespace })
  const served = startServe(t, [configFile], { podFolder, env: { KUBERNETES_SERVICE_HOST: url.hostname, KUBERNETES_SERVICE_PORT: url.port } })
  await served.listening
  return { served, configFile, port, admin: `http://127.0.0.1:${adminPort}`, ca: authority.ca }
}

t.test('it becomes ready, mints its own tokens, serves a caller of the namespace, and drains', async (t) => {
  const { served, configFile, port, admin, ca } = await startPod(t, ['--values', valuesFile('token-request'), '--set', 'config.workers=1'])
  // Before it is asked: an answer about a cluster holds for five seconds.
  await until(() => served.stderr.includes('callers loaded'))
  await until(async () => (await runCommand(['healthcheck', '--ready', '--admin', admin])).code === 0)
  t.equal((await runCommand(['healthcheck', '--config', configFile])).code, 0)
  const client = await connectRaw(t, { port, ca })
  client.request('GET', '/api/v1/namespaces/team-a/pods', ['X-API-Key', ci.key])
  t.equal((await client.response()).status, 200)
  // Where it runs is guarded, though a rule allows it.
  client.request('GET', `/api/v1/namespaces/${namespace}/secrets`, ['X-API-Key', ci.key])
  t.match((await client.response()).body.toString(), /EscalationDenied/)
  t.equal(await served.stop(), 0)
})
