// A shadow scope on a proxy that runs: nothing is refused for it, what it would deny is in the log and counted.
import t from 'tap'
import { callerEntry } from '../support/attack-target.ts'
import { keyFor } from '../support/keys.ts'
import { connectRaw } from '../support/raw-client.ts'
import { startSampleBehindProxy } from '../support/sample-behind-proxy.ts'
import { until } from '../support/until.ts'

const rule = (verbs: string[]) => ({ apiGroups: [''], resources: ['pods', 'configmaps'], verbs, namespaces: ['team-a'] })
const keys = { ci: keyFor('shadow00'), plain: keyFor('plain000') }
const next = { name: 'next', mode: 'shadow', rules: [rule(['get', 'list'])] }
const callers = (shadow: object) => ({
  scopes: [{ name: 'now', rules: [rule(['get', 'list', 'create', 'watch'])] }, shadow],
  callers: [{ ...callerEntry('ci', keys.ci, []), scopes: ['now', 'next'] }, { ...callerEntry('plain', keys.plain, []), scopes: ['now'] }],
})

t.test('what it would deny passes, and is annotated and counted; what it would not, and others\' requests, are as ever', async (t) => {
  const { proxy } = await startSampleBehindProxy(t)
  await proxy.rewriteCallers(callers(next))
  const ask = async (method: string, path: string, { key } = keys.ci, body = '') => {
    const client = await connectRaw(t, proxy)
    client.request(method, path, ['Authorization', `Bearer ${key}`, 'Content-Type', 'application/json', 'Content-Length', String(body.length)], body)
    const { status, headers } = await client.response()
    client.close()
    const at = headers.findIndex(name => /^audit-id$/i.test(name))
    const { annotations = {} } = await proxy.event(headers[at + 1] ?? '')
    return { status, decision: annotations['authorization.k8s.io/decision'], shadow: Object.fromEntries(Object.entries(annotations).filter(([name]) => name.includes('shadow'))) }
  }
  const pods = '/api/v1/namespaces/team-a/pods'
  const create = ['POST', '/api/v1/namespaces/team-a/configmaps?dryRun=All'] as const
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' } })
  t.strictSame(await ask('GET', pods), { status: 200, decision: 'allow', shadow: {} })
  t.match(await ask(...create, keys.ci, body), {
    status: 201, decision: 'allow',
    shadow: { 'portcullis.dev/shadow-decision': 'forbid', 'portcullis.dev/shadow-reason': /^caller "ci" may not create configmaps .*nearest rule \(scope next: get,list pods,configmaps in team-a\) lacks verb create/, 'portcullis.dev/shadow-scope': 'next' },
  })
  t.strictSame(await ask(...create, keys.plain, body), { status: 201, decision: 'allow', shadow: {} })
  t.strictSame(await ask('DELETE', `${pods}/x`), { status: 403, decision: 'forbid', shadow: {} }, 'what is refused is not judged again')
  await until(async () => /^portcullis_shadow_denied_total\{caller="ci"\} 1$/m.test(await proxy.metrics()))
  t.notMatch(await proxy.metrics(), /shadow_denied_total\{caller="plain"/)

  await proxy.rewriteCallers(callers({ ...next, mode: 'enforce' }))
  t.strictSame(await ask(...create, keys.ci, body), { status: 201, decision: 'allow', shadow: {} }, 'enforced it only adds')
})
