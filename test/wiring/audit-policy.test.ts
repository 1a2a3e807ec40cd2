import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { callerEntry } from '../support/attack-target.ts'
import { keyFor } from '../support/keys.ts'
import { startProxy, type TestProxy } from '../support/proxy.ts'
import { connectRaw } from '../support/raw-client.ts'
import { startUpstream } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'

const ci = keyFor('aaaaaaaa')
const policy = (level: string) => JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'], rules: [{ level }] })

async function put(proxy: TestProxy, text: string): Promise<void> {
  await writeFile(join(proxy.folder, 'policy.new'), text, { mode: 0o600 })
  await rename(join(proxy.folder, 'policy.new'), join(proxy.folder, 'policy.yaml'))
}

t.test('the file of a policy is followed; a bad one is told and changes nothing', async (t) => {
  const upstream = await startUpstream(t)
  const proxy = await startProxy(t, {
    upstreams: { prod: upstream }, token: 'upstream-token-0123456789', files: { 'policy.yaml': policy('None') },
    callers: { callers: [callerEntry('ci', ci, [{ verbs: ['*'], apiGroups: ['*'], resources: ['pods'], namespaces: ['*'] }])] },
    config: { audit: { sinks: [{ file: { path: 'audit.log' } }], mode: 'blocking', policyFile: 'policy.yaml' } },
  })
  const ask = async () => {
    const client = await connectRaw(t, { port: proxy.port })
    client.request('GET', '/api/v1/namespaces/a/pods', ['Host', 'localhost', 'Authorization', `Bearer ${ci.key}`])
    await client.response()
    client.close()
  }
  await ask()
  t.strictSame(proxy.events(), [])
  await put(proxy, policy('Request'))
  await until(async () => {
    await ask()
    return proxy.events().length > 0
  })
  t.equal(proxy.events()[0]?.level, 'Request')
  await put(proxy, policy('Everything'))
  await proxy.logSays(/rules\[0\]\.level: must be one of/)
  t.match(await proxy.metrics(), /^portcullis_config_reload_success 0$/m)
  const before = proxy.events().length
  await ask()
  await until(() => proxy.events().length > before)
  t.equal(proxy.events().at(-1)?.level, 'Request')
  await put(proxy, policy('Metadata'))
  await until(async () => /^portcullis_config_reload_success 1$/m.test(await proxy.metrics()))
})

t.test('without a policy that can be read nothing is served', async (t) => {
  const upstream = await startUpstream(t)
  await t.rejects(startProxy(t, {
    upstreams: { prod: upstream }, token: 'upstream-token-0123456789', callers: { callers: [] },
    config: { audit: { sinks: [{ file: { path: 'audit.log' } }], policyFile: 'policy.yaml' } },
  }), { message: /policy\.yaml:1:1 does not exist/ })
})
