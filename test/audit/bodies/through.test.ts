// Bodies in the audit log, through the whole product.
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { callerEntry } from '../../support/attack-target.ts'
import { valuesOf } from '../../support/http-reader.ts'
import { keyFor } from '../../support/keys.ts'
import { startProxy, type AuditEvent } from '../../support/proxy.ts'
import { connectRaw } from '../../support/raw-client.ts'
import { startUpstream, type Answer } from '../../support/recording-upstream.ts'
import { until } from '../../support/until.ts'

const ci = keyFor('aaaaaaaa')
const json = ['Content-Type', 'application/json']
const pods = '/api/v1/namespaces/a/pods'

interface Exchange {
  readonly method?: string
  readonly target?: string
  readonly headers?: readonly string[]
  readonly body?: string | Uint8Array
  readonly answer?: Answer
}

/** A proxy with this policy, and what sends one request through it and returns its events and what the caller got. */
async function start(t: Test, audit: object) {
  const upstream = await startUpstream(t)
  const proxy = await startProxy(t, {
    upstreams: { prod: upstream }, token: 'upstream-token-0123456789',
    callers: { callers: [callerEntry('ci', ci, [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], acknowledge: ['own-credential', 'mint-token', 'openshift-identity', 'pull-secrets'] }])] },
    config: { audit: { sinks: [{ file: { path: 'audit.log' } }], mode: 'blocking', ...audit } },
  })
  const send = async ({ method = 'GET', target = pods, headers = [], body, answer = { status: 200, headers: json, body: '{"kind":"PodList","items":[]}' } }: Exchange) => {
    upstream.answer(() => answer)
    const client = await connectRaw(t, { port: proxy.port })
    client.request(method, target, ['Host', 'localhost', 'Authorization', `Bearer ${ci.key}`, ...headers], body)
    const answered = await client.response()
    client.close()
    const id = valuesOf(answered.headers, 'audit-id')[0] ?? ''
    const events = () => proxy.events().filter(({ auditID }) => auditID === id)
    await until(() => events().some(({ stage }) => stage === 'ResponseComplete'))
    return { answered, last: events().at(-1)!, events: events() }
  }
  return { proxy, upstream, send }
}

const written = ({ level, requestObject, responseObject }: AuditEvent) => ({ level, requestObject, responseObject })

t.test('each level writes what it is for, and the caller gets all of it at any', async (t) => {
  const { proxy, send } = await start(t, { policy: [
    { level: 'Metadata', callers: ['ci'], verbs: ['create'] }, { level: 'Request', verbs: ['update'] }, { level: 'RequestResponse', verbs: ['patch'] },
  ] })
  const [sent, got] = ['{"kind":"Pod","metadata":{"name":"x","managedFields":[{}]},"spec":{}}', '{"kind":"Pod","status":{"phase":"Running"}}']
  const exchange = { target: `${pods}/x`, headers: json, body: sent, answer: { status: 200, headers: json, body: got } }
  const requestObject = { kind: 'Pod', metadata: { name: 'x' }, spec: {} }
  const [create, update, patch] = [await send({ ...exchange, method: 'POST', target: pods }), await send({ ...exchange, method: 'PUT' }), await send({ ...exchange, method: 'PATCH', headers: ['Content-Type', 'application/merge-patch+json'] })]
  t.strictSame([create, update, patch].map(({ last }) => written(last)), [
    { level: 'Metadata', requestObject: undefined, responseObject: undefined },
    { level: 'Request', requestObject, responseObject: undefined },
    { level: 'RequestResponse', requestObject, responseObject: { kind: 'Pod', status: { phase: 'Running' } } },
  ])
  t.equal(create.last.objectRef?.name, 'x', 'what is made is named at any level, as there')
  for (const { answered } of [create, update, patch]) t.equal(answered.body.toString(), got)
  t.match(proxy.auditText(), /"responseStatus":\{[^}]*\},"code":200\},"requestObject":\{.*\},"responseObject":\{.*\},"requestReceivedTimestamp"/)
})

t.test('secrets and tokens are written at no level', async (t) => {
  const { proxy, send } = await start(t, { policy: [{ level: 'RequestResponse' }] })
  const value = 'bm90LXRvLWJlLXNlZW4'
  const answer = { status: 201, headers: json, body: JSON.stringify({ kind: 'X', status: { anything: value }, data: { k: value } }) }
  for (const target of [
    '/api/v1/namespaces/a/secrets', '/api/v1/namespaces/a/serviceaccounts/x/token', '/apis/authentication.k8s.io/v1/tokenreviews',
    '/apis/oauth.openshift.io/v1/oauthclients', '/oapi/v1/oauthclients', '/apis/image.openshift.io/v1/namespaces/a/imagestreams/x/secrets',
  ]) {
    const { last, answered } = await send({ method: 'POST', target, headers: json, body: `{"anything":"${value}"}`, answer })
    t.equal(answered.status, 201)
    t.match(last, { level: 'RequestResponse', responseStatus: { code: 201 } })
    t.strictSame([last.requestObject, last.responseObject], [undefined, undefined], target)
    t.equal(last.annotations?.['portcullis.dev/request-object'], 'left out: it may hold a secret', target)
  }
  t.notMatch(proxy.auditText(), value)
})

t.test('a body beyond the bound is left out, and the event says so as the API server\'s truncating backend does', async (t) => {
  const { send } = await start(t, { policy: [{ level: 'RequestResponse' }], maxBodySize: '1KiB' })
  const large = JSON.stringify({ kind: 'Pod', spec: 'x'.repeat(2000) })
  const { last, answered } = await send({ method: 'PUT', target: `${pods}/x`, headers: json, body: large, answer: { status: 200, headers: json, body: large } })
  t.equal(answered.body.length, large.length)
  t.strictSame(written(last), { level: 'RequestResponse', requestObject: undefined, responseObject: undefined })
  t.match(last.annotations, {
    'audit.k8s.io/truncated': 'true',
    'portcullis.dev/request-object': 'left out: it is larger than 1024 bytes', 'portcullis.dev/response-object': 'left out: it is larger than 1024 bytes',
  })
})

t.test('of a create that is too large to be looked into it is said that its name is missing, at Metadata too', async (t) => {
  const { send } = await start(t, { maxBodySize: '1KiB' })
  const body = JSON.stringify({ kind: 'Pod', metadata: { name: 'x' }, spec: 'x'.repeat(2000) })
  const { last } = await send({ method: 'POST', target: pods, headers: json, body, answer: { status: 201, headers: json, body: '{}' } })
  t.equal(last.objectRef?.name, undefined)
  t.match(last, { level: 'Metadata', annotations: { 'audit.k8s.io/truncated': 'true', 'portcullis.dev/request-object': 'left out: it is larger than 1024 bytes' } })
})

t.test('what cannot be read is named, and what comes packed is read', async (t) => {
  const { send } = await start(t, { policy: [{ level: 'RequestResponse' }] })
  const { last } = await send({
    method: 'PUT', target: `${pods}/x`, headers: ['Content-Type', 'application/vnd.kubernetes.protobuf'], body: 'k8s\0x',
    answer: { status: 200, headers: [...json, 'Content-Encoding', 'gzip'], body: gzipSync('{"kind":"Pod"}') },
  })
  t.strictSame([last.requestObject, last.responseObject], [undefined, { kind: 'Pod' }])
  t.equal(last.annotations?.['portcullis.dev/request-object'], 'left out: it is application/vnd.kubernetes.protobuf')
})

t.test('an object that a rule names is written at that rule\'s level, also within a list and where a create names it', async (t) => {
  const { send } = await start(t, { policy: [
    { level: 'Metadata', verbs: ['get'], resources: [{ resources: ['configmaps'], resourceNames: ['quiet'] }] },
    { level: 'Metadata', namespaces: ['kube-system'] },
    { level: 'RequestResponse' },
  ] })
  const configMap = (name: string, namespace = 'a') => ({ metadata: { name, namespace }, data: { k: `of ${name}` } })
  const list = await send({ target: '/api/v1/configmaps', answer: { status: 200, headers: json, body: JSON.stringify({ kind: 'ConfigMapList', items: [configMap('loud'), configMap('quiet'), configMap('x', 'kube-system')] }) } })
  t.strictSame((list.last.responseObject as { items: unknown }).items, [configMap('loud'), { metadata: { name: 'quiet', namespace: 'a' } }, { metadata: { name: 'x', namespace: 'kube-system' } }])
  const create = await send({ method: 'POST', target: '/api/v1/namespaces/a/configmaps', headers: json, body: JSON.stringify(configMap('quiet')), answer: { status: 201, headers: json, body: JSON.stringify(configMap('quiet')) } })
  t.strictSame(written(create.last), { level: 'RequestResponse', requestObject: undefined, responseObject: undefined })
  t.equal(create.last.annotations?.['portcullis.dev/request-object'], 'left out: the policy shows less of this object')
})

t.test('a rule of codes is judged by how the request ended', async (t) => {
  const { send } = await start(t, { policy: [{ level: 'RequestResponse', codes: ['5xx', 404] }, { level: 'Metadata', codes: ['ScopeDenied'] }, { level: 'None' }] })
  const sent = { method: 'PUT', target: `${pods}/x`, headers: json, body: '{"kind":"Pod"}' }
  const failed = await send({ ...sent, answer: { status: 503, headers: json, body: '{"kind":"Status","status":"Failure","message":"m","reason":"r"}' } })
  t.match(written(failed.last), { level: 'RequestResponse', requestObject: { kind: 'Pod' }, responseObject: { kind: 'Status' } })
})

t.test('what a caller nests without end, or repeats, does not keep its request from being recorded', async (t) => {
  const { send } = await start(t, { policy: [{ level: 'RequestResponse' }] })
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
  for (const body of [deep, `{"metadata":${deep}}`, '{"a":1,"a":{"kind":"Secret","data":{"x":"y"}}}', '"text"', 'null', '{"\\u0000\\u009b31m":"\\ud800"}']) {
    const { last, events } = await send({ method: 'PUT', target: `${pods}/x`, headers: json, body, answer: { status: 200, headers: json, body } })
    t.equal(events.length, 1)
    t.match(last, { stage: 'ResponseComplete', responseStatus: { code: 200 } })
    t.notMatch(JSON.stringify(last), /"x":"y"/)
  }
  const yaml = await send({ method: 'PATCH', target: `${pods}/x`, headers: ['Content-Type', 'application/apply-patch+yaml'], body: 'a: &x [*x]\n' })
  t.match(yaml.last, { stage: 'ResponseComplete', responseStatus: { code: 200 }, annotations: { 'portcullis.dev/request-object': 'left out: it is application/apply-patch+yaml' } })
})

t.test('streams have no bodies, and what they are refused with is told', async (t) => {
  const { send } = await start(t, { policy: [{ level: 'RequestResponse' }] })
  const watch = await send({ target: `${pods}?watch=true`, answer: { status: 200, headers: json, body: '{"type":"ADDED"}\n' } })
  t.strictSame(watch.events.map(({ stage, responseObject }) => [stage, responseObject]), [['ResponseStarted', undefined], ['ResponseComplete', undefined]])
  const gone = await send({ target: `${pods}?watch=true`, answer: { status: 410, headers: json, body: '{"kind":"Status","status":"Failure","reason":"Expired","message":"too old"}' } })
  t.match(gone.events.map(({ stage, responseStatus, responseObject }) => [stage, responseStatus, responseObject]), [
    ['ResponseStarted', { code: 410, reason: 'Expired', message: 'too old' }, { kind: 'Status' }], ['ResponseComplete', { code: 410, reason: 'Expired' }, { kind: 'Status' }],
  ])
})

t.test('what a program behind the API server says is no API object', async (t) => {
  const { send } = await start(t, { policy: [{ level: 'RequestResponse' }] })
  for (const status of [200, 500]) {
    const { last } = await send({ target: '/api/v1/namespaces/a/services/x/proxy/login', answer: { status, headers: json, body: '{"kind":"Status","message":"of the program"}' } })
    t.notMatch(JSON.stringify(last), /of the program/)
  }
})
