// The same requests in the audit log of a real API server and in ours, joined by Audit-ID, where KUBEBUILDER_ASSETS names one.
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { startApiServer, whyNoApiServer } from '../support/envtest.ts'
import { keyFor } from '../support/keys.ts'
import { startProxy, type AuditEvent } from '../support/proxy.ts'
import { removeLater } from '../support/scope.ts'
import { until } from '../support/until.ts'
import { auditWorkload } from '../support/audit-workload.ts'
import { faultsOfEvent } from '../support/audit-schema.ts'

t.setTimeout(300_000)

const policy = {
  apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'], omitManagedFields: true,
  rules: [
    { level: 'Metadata', resources: [{ group: '', resources: ['secrets', 'serviceaccounts/token'] }] },
    { level: 'RequestResponse' },
  ],
}

t.test('a real API server and Portcullis write the same events of the same requests, joined by Audit-ID', { skip: await whyNoApiServer() ?? false }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-audit-envtest-'))
  removeLater(t, folder)
  await writeFile(join(folder, 'policy.yaml'), JSON.stringify(policy))
  const log = join(folder, 'audit.log')
  const server = await startApiServer(t, [`--audit-policy-file=${join(folder, 'policy.yaml')}`, `--audit-log-path=${log}`, '--audit-log-mode=blocking'])
  const ci = keyFor('aaaaaaaa')
  const proxy = await startProxy(t, {
    upstreams: { prod: server }, token: server.adminToken,
    callers: { callers: [{
      name: 'ci', keys: [{ id: ci.id, sha256: ci.sha256, createdAt: '2026-01-01T00:00:00Z' }],
      rules: [
        { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], acknowledge: ['own-credential', 'mint-token', 'own-callers', 'intercept'] },
        { verbs: ['*'], nonResourceURLs: ['*'] },
      ],
    }] },
    config: { audit: { sinks: [{ file: { path: 'audit.log' } }], mode: 'blocking', policyFile: 'policy.yaml' } },
    files: { 'policy.yaml': JSON.stringify(policy) },
  })
  const sent = await auditWorkload(proxy.url, ci.key)
  await until(() => sent.every(({ id }) => proxy.events().some(event => event.auditID === id && event.stage === 'ResponseComplete')))
  const theirs = (await readFile(log, 'utf8')).trimEnd().split('\n').map(line => JSON.parse(line) as AuditEvent)
  const capture = process.env['PORTCULLIS_CAPTURE_AUDIT']
  if (capture !== undefined) await writeFile(capture, theirs.filter(({ auditID }) => sent.some(({ id }) => id === auditID)).map(event => `${JSON.stringify(event)}\n`).join(''))
  for (const { id, what } of sent) {
    const [here, there] = [proxy.events(), theirs].map(events => events.filter(({ auditID }) => auditID === id)) as [AuditEvent[], AuditEvent[]]
    t.strictSame(there.flatMap(faultsOfEvent), [], `${what}: the schema holds the API server's own`)
    // What the discovery cache answers is asked by the cache, if at all.
    const answeredHere = here.every(({ annotations }) => annotations?.['portcullis.dev/cache'] !== undefined)
    t.strictSame(there.map(comparable), answeredHere ? [] : here.map(comparable), what)
  }
})

/**
 * Without what is each one's own: the caller, the times, where it came from, what the annotations tell. The API server
 * writes the object that it read, without the fields that are empty and in their order; Portcullis what was sent.
 */
function comparable({ user: _u, impersonatedUser: _i, sourceIPs: _s, requestReceivedTimestamp: _r, stageTimestamp: _t, annotations: _a, requestObject, ...event }: AuditEvent): object {
  return { ...event, ...requestObject === undefined ? {} : { requestObject: filled(requestObject) } }
}

function filled(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const fields = Object.entries(value).map(([name, field]) => [name, filled(field)] as const).filter(([name, field]) => {
    // Of DeleteOptions it is an internal one there.
    if (name === 'apiVersion' && (value as { kind?: string }).kind === 'DeleteOptions') return false
    return !(typeof field === 'object' && field !== null && Object.keys(field).length === 0)
  })
  return Object.fromEntries(fields.sort(([a], [b]) => a.localeCompare(b)))
}
