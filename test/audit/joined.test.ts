// What Portcullis writes of a request, held against what an API server writes of the same one: the sample cluster's log of the
// same requests, joined by Audit-ID, and lines that a kube-apiserver 1.36 wrote of the same workload (see audit-envtest.test.ts).
import { readFileSync } from 'node:fs'
import t from 'tap'
import { Agent } from 'undici'
import type { SampleAuditEvent } from '../../src/sample/audit.ts'
import { auditWorkload } from '../support/audit-workload.ts'
import { faultsOfEvent } from '../support/audit-schema.ts'
import type { AuditEvent } from '../support/proxy.ts'
import { startSampleBehindProxy } from '../support/sample-behind-proxy.ts'
import { until } from '../support/until.ts'

t.setTimeout(120_000)

const captured = readFileSync(new URL('api-server.jsonl', import.meta.url), 'utf8').trimEnd().split('\n').map(line => JSON.parse(line) as AuditEvent)

t.test('the schema that all our events are held against holds what an API server wrote', async (t) => {
  for (const event of captured) t.strictSame(faultsOfEvent(event), [], event.requestURI)
  t.ok(captured.length > 30)
})

t.test('the workload through the sample cluster: both logs join by Audit-ID, and say what an API server said', async (t) => {
  const theirs: SampleAuditEvent[] = []
  const { proxy, admin, server } = await startSampleBehindProxy(t, {
    sample: { audit: event => theirs.push(event) },
    proxy: { config: { audit: { sinks: [{ file: { path: 'audit.log' } }], mode: 'blocking', policyFile: 'policy.yaml' } }, files: { 'policy.yaml': JSON.stringify(policy) } },
  })
  const agent = new Agent({ connect: { ca: proxy.ca } })
  t.teardown(() => agent.close())
  const sent = await auditWorkload(server, admin.key, agent)
  const over = (events: readonly { readonly auditID: string, readonly stage: string }[], id: string) => events.some(event => event.auditID === id && event.stage === 'ResponseComplete')
  await until(() => sent.every(({ id }) => over(proxy.events(), id)))
  const passed = sent.filter(({ id }) => proxy.events().every(({ auditID, annotations }) => auditID !== id || annotations?.['portcullis.dev/cache'] === undefined))
  t.ok(passed.length >= sent.length - 1, 'all but the version, which the discovery cache answers')
  await until(() => passed.every(({ id }) => over(theirs, id)))

  for (const { id, what } of passed) {
    const ours = proxy.events().findLast(({ auditID }) => auditID === id)
    const there = theirs.filter(({ auditID }) => auditID === id)
    t.equal(there.length, 1, what)
    t.strictSame(joined(ours), joined(there[0]), `${what}: joined`)
  }
  // Theirs are in the order of the workload, and the version is not among them either.
  const ids = [...new Set(captured.map(({ auditID }) => auditID))]
  t.equal(ids.length, passed.length)
  for (const [index, { id, what }] of passed.entries()) {
    const [ours, theirs] = [proxy.events().filter(({ auditID }) => auditID === id), captured.filter(({ auditID }) => auditID === ids[index])]
    t.strictSame(ours.map(comparable), theirs.map(comparable), `${what}: as an API server wrote it`)
  }
})

const policy = {
  apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'], omitManagedFields: true,
  rules: [
    { level: 'Metadata', resources: [{ group: '', resources: ['secrets', 'serviceaccounts/token'] }] },
    { level: 'RequestResponse' },
  ],
}

function joined(event: AuditEvent | SampleAuditEvent | undefined): object {
  if (event === undefined) return {}
  const { verb, requestURI, userAgent, responseStatus, objectRef } = event
  return { verb, requestURI, userAgent, code: responseStatus?.code, objectRef: named(objectRef) }
}

/** What the target alone tells: the rest is in bodies, which the sample's log does not know. */
function named(reference: object | undefined): object {
  const { uid: _u, resourceVersion: _r, name: _n, ...rest } = { uid: '', resourceVersion: '', name: '', ...reference }
  return rest
}

/** Without what differs between two clusters: uids and revisions, the wording of a refusal, what is in the objects. */
function comparable(event: AuditEvent): object {
  const { kind, apiVersion, level, stage, requestURI, verb, userAgent, objectRef, responseStatus, requestObject, responseObject } = event
  const { uid: _u, resourceVersion: _r, ...object } = { ...objectRef }
  const { message: _m, details: _d, ...status } = { ...responseStatus }
  return { kind, apiVersion, level, stage, requestURI, verb, userAgent, object, status, fields: Object.keys(event), bodies: [requestObject, responseObject].map(kindOf) }
}

function kindOf(body: unknown): unknown {
  if (Array.isArray(body)) return 'a list of steps'
  return (body as { readonly kind?: string } | undefined)?.kind ?? typeof body
}
