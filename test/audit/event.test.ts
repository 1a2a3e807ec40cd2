import t from 'tap'
import { toEvent as makeEvent, toLine } from '../../src/audit/event.ts'
import type { Moment } from '../../src/audit/event.ts'
import type { Outcome } from '../../src/model/trail.ts'
import { faultsOfEvent } from '../support/audit-schema.ts'
import { arrival, attributes, callerWith, resolved, rule } from '../support/builders.ts'
import { keyFor } from '../support/keys.ts'

/** As it is written: what is undefined is not there. */
const toEvent = (...moment: Parameters<typeof makeEvent>) => JSON.parse(JSON.stringify(makeEvent(...moment))) as ReturnType<typeof makeEvent>

const received = Date.UTC(2026, 10, 21, 10, 0, 0, 123)
const complete: Outcome = { status: 200, ending: 'complete', bytesOut: 1234 }
const byReadWorkloads = {
  allowed: true as const, code: null, rule: { ...rule(), scope: 'read-workloads' }, reason: 'scope read-workloads allows it',
}

function moment(overrides: Partial<Moment> = {}): Moment {
  return {
    arrival: arrival({ receivedAt: received, rawHeaders: ['User-Agent', 'kubectl/v1.35.0'], sourceIPs: ['10.1.2.3', '10.0.0.1'] }),
    facts: { resolved: resolved(), caller: callerWith(), cluster: 'prod', verdict: byReadWorkloads },
    stage: 'ResponseComplete',
    level: 'Metadata',
    at: received + 17,
    outcome: complete,
    stream: false,
    ...overrides,
  }
}

t.test('a request that was answered is the event an API server would write, field for field and in its order', async (t) => {
  const line = toLine(toEvent(moment(), []), [])
  t.equal(line, JSON.stringify({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: '11111111-2222-4333-8444-555555555555',
    stage: 'ResponseComplete',
    requestURI: '/api/v1/namespaces/a/pods',
    verb: 'list',
    user: { username: 'ci', extra: { 'portcullis.dev/key-id': ['aaaaaaaa'] } },
    sourceIPs: ['10.1.2.3', '10.0.0.1'],
    userAgent: 'kubectl/v1.35.0',
    objectRef: { resource: 'pods', namespace: 'a', apiVersion: 'v1' },
    responseStatus: { metadata: {}, code: 200 },
    requestReceivedTimestamp: '2026-11-21T10:00:00.123000Z',
    stageTimestamp: '2026-11-21T10:00:00.140000Z',
    annotations: {
      'authorization.k8s.io/decision': 'allow',
      'authorization.k8s.io/reason': 'scope read-workloads allows it',
      'portcullis.dev/bytes-out': '1234',
      'portcullis.dev/cluster': 'prod',
      'portcullis.dev/duration-ms': '17',
      'portcullis.dev/scope': 'read-workloads',
    },
  }))
})

t.test('a request that nobody authenticated has an empty user, as the API server writes a 401', async (t) => {
  const event = toEvent(moment({
    facts: { resolved: resolved(), claimedKeyId: 'k7Q2mX9a' },
    outcome: {
      status: 401, ending: 'complete', bytesOut: 300,
      refusal: { code: 'UnknownKey', message: 'this key is not known', reason: 'Unauthorized' },
    },
  }), [])
  t.strictSame(event.user, {})
  t.strictSame(event.responseStatus, {
    metadata: {}, status: 'Failure', message: 'this key is not known', reason: 'Unauthorized', code: 401,
  })
  t.equal(event.annotations?.['portcullis.dev/code'], 'UnknownKey')
  t.equal(event.annotations?.['portcullis.dev/claimed-key-id'], 'k7Q2mX9a')
  t.notOk(event.annotations?.['authorization.k8s.io/decision'], 'nothing was decided yet')
})

t.test('a key that was claimed before is no matter once a caller is known', async (t) => {
  const event = toEvent(moment({ facts: { caller: callerWith(), claimedKeyId: 'k7Q2mX9a' } }), [])
  t.notOk(event.annotations?.['portcullis.dev/claimed-key-id'])
})

t.test('a refusal says forbid, by which code and why', async (t) => {
  const event = toEvent(moment({
    facts: {
      resolved: resolved(), caller: callerWith(), cluster: 'prod',
      verdict: { allowed: false, code: 'ScopeDenied', rule: null, reason: 'no rule lists pods in a' },
    },
    outcome: {
      status: 403, ending: 'complete', bytesOut: 300,
      refusal: { code: 'ScopeDenied', message: 'no rule lists pods in a', reason: 'Forbidden' },
    },
  }), [])
  t.match(event.annotations, {
    'authorization.k8s.io/decision': 'forbid',
    'authorization.k8s.io/reason': 'no rule lists pods in a',
    'portcullis.dev/code': 'ScopeDenied',
  })
  t.notOk(event.annotations?.['portcullis.dev/ending'], 'the refusal itself came through whole')
})

t.test('a target that could not be read has its method for a verb and no object', async (t) => {
  const event = toEvent(moment({ arrival: arrival({ method: 'DELETE', target: '/api//v1' }), facts: {} }), [])
  t.equal(event.verb, 'delete')
  t.equal(event.requestURI, '/api//v1')
  t.notOk(event.objectRef)
})

t.test('a path that is no resource has no object', async (t) => {
  const facts = { resolved: resolved({ attributes: { isResourceRequest: false, verb: 'get', path: '/version' } }) }
  t.notOk(toEvent(moment({ facts }), []).objectRef)
})

t.test('the object has its group, version, name and subresource', async (t) => {
  const facts = {
    resolved: resolved({
      attributes: { verb: 'patch', apiPrefix: 'apis', apiGroup: 'apps', resource: 'deployments', name: 'web', subresource: 'scale' },
    }),
  }
  t.strictSame(toEvent(moment({ facts }), []).objectRef, {
    resource: 'deployments', namespace: 'a', name: 'web', apiGroup: 'apps', apiVersion: 'v1', subresource: 'scale',
  })
})

t.test('of an upstream error that is no Status the code alone is told, as there; of one that is, what it says', async (t) => {
  const outcome = { ...complete, status: 404 }
  t.strictSame(toEvent(moment({ outcome }), []).responseStatus, { metadata: {}, code: 404 })
  const status = { status: 'Failure', message: 'pods "x" not found', reason: 'NotFound', details: { name: 'x', kind: 'pods' } }
  t.strictSame(toEvent(moment({ outcome, bodies: { status, omitted: {}, truncated: false } }), []).responseStatus, { metadata: {}, ...status, code: 404 })
})

t.test('a caller that left before there was an answer leaves no code behind', async (t) => {
  const event = toEvent(moment({ outcome: { status: 0, ending: 'caller-left', bytesOut: 0 } }), [])
  t.notOk(event.responseStatus?.code)
  t.match(event.responseStatus?.message, /left before/)
  t.equal(event.annotations?.['portcullis.dev/ending'], 'caller-left')
})

t.test('an answer that was cut off says so', async (t) => {
  const event = toEvent(moment({ outcome: { ...complete, ending: 'upstream-failed' } }), [])
  t.equal(event.annotations?.['portcullis.dev/ending'], 'upstream-failed')
})

t.test('a stream has its status when it starts, and says how it ended', async (t) => {
  const { outcome: _, ...begun } = moment({ stage: 'ResponseStarted', status: 101, stream: true })
  const start = toEvent(begun, [])
  t.strictSame(start.responseStatus, { metadata: {}, code: 101 })
  t.notOk(start.annotations?.['portcullis.dev/duration-ms'])
  t.equal(toEvent(moment({ stream: true }), []).annotations?.['portcullis.dev/ending'], 'complete')
})

t.test('whom the API server sees instead is named: as configured, or as asked for and allowed', async (t) => {
  const configured = callerWith([], { impersonate: { user: 'tool:ci', groups: ['tools'] } })
  t.strictSame(toEvent(moment({ facts: { caller: configured } }), []).impersonatedUser, { username: 'tool:ci', groups: ['tools'] })

  const asked = arrival({ rawHeaders: ['Impersonate-User', 'jane', 'Impersonate-Group', 'a', 'Impersonate-Group', 'b', 'Impersonate-Extra-Scopes', 'x'] })
  t.strictSame(toEvent(moment({ arrival: asked }), []).impersonatedUser, { username: 'jane', groups: ['a', 'b'], extra: { scopes: ['x'] } })

  const refused = { verdict: { allowed: false as const, code: 'ImpersonationDenied' as const, rule: null, reason: 'no' } }
  t.notOk(toEvent(moment({ arrival: asked, facts: refused }), []).impersonatedUser, 'a refused one never was anybody else')
})

t.test('a user agent is cut where the API server cuts it, and read as UTF-8 as Go reads it', async (t) => {
  const agent = (value: string) => toEvent(moment({ arrival: arrival({ rawHeaders: ['user-agent', value] }) }), []).userAgent
  t.equal(agent('x'.repeat(2000)), `${'x'.repeat(1024)}...TRUNCATED`)
  t.equal(agent(Buffer.from('Müller/1').toString('latin1')), 'Müller/1')
})

t.test('the cache and the cluster are told', async (t) => {
  const event = toEvent(moment({ facts: { cluster: 'prod', cache: 'stale' } }), [])
  t.match(event.annotations, { 'portcullis.dev/cache': 'stale', 'portcullis.dev/cluster': 'prod' })
})

t.test('no string of a caller forges a line or moves the cursor of whoever prints the log', async (t) => {
  const nasty = 'x\n{"kind":"Event"}\r\x1b[2J\u0085\u009b2J\u2028\u202e\x7f'
  const line = toLine(toEvent(moment({
    arrival: arrival({ method: `GET${nasty}`, target: `/${nasty}`, rawHeaders: ['User-Agent', nasty] }),
    facts: { caller: callerWith([], { name: nasty }), claimedKeyId: nasty, cluster: nasty },
    outcome: { ...complete, refusal: { code: 'MalformedTarget', message: nasty, reason: nasty } },
  }), []), [])
  t.notMatch(line, /[\x00-\x1f\x7f-\x9f\u2028-\u202e]/)
  const event = JSON.parse(line) as { user: { username: string } }
  t.equal(event.user.username, nasty, 'nothing is lost by that')
})

t.test('no secret of a request is in its line', async (t) => {
  const { key } = keyFor('k7Q2mX9a')
  const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl'
  const secrets: [string, Partial<Moment>][] = [
    [key, { arrival: arrival({ target: `/api/v1/namespaces/a/pods/${key}?x=${key}`, rawHeaders: ['User-Agent', `curl ${key}`] }) }],
    [key, { outcome: { ...complete, refusal: { code: 'MalformedTarget', message: `the target holds ${key}`, reason: 'BadRequest' } } }],
    [key, { facts: { resolved: resolved({ attributes: attributes({ name: key, namespace: key }) }) } }],
    [key, { facts: { verdict: { ...byReadWorkloads, reason: `matched ${key}` } } }],
    ['value-of-flag', { outcome: { ...complete, refusal: { code: 'ScopeDenied', message: 'no rule for x --token=value-of-flag', reason: 'Forbidden' } } }],
    ['value-of-flag', { facts: { verdict: { ...byReadWorkloads, reason: 'no rule for x --token=value-of-flag' } } }],
    [jwt, { arrival: arrival({ rawHeaders: ['User-Agent', `x ${jwt}`] }) }],
    ['opaque-token', {
      arrival: arrival({ method: 'DELETE', target: '/apis/oauth.openshift.io/v1/oauthaccesstokens/opaque-token' }),
      facts: { resolved: resolved({ attributes: { resource: 'oauthaccesstokens', name: 'opaque-token' } }) },
    }],
  ]
  for (const [secret, overrides] of secrets) {
    const line = toLine(toEvent(moment(overrides), []), [])
    t.notOk(line.includes(secret.slice(-12)), line)
    t.match(line, '[redacted]')
    t.strictSame(faultsOfEvent(JSON.parse(line)), [])
  }
})

t.test('an object whose name is a word like token stays a sound event', async (t) => {
  for (const name of ['token', 'password', 'authorization', 'cookie', 'secret']) {
    const line = toLine(toEvent(moment({ facts: { resolved: resolved({ attributes: { name, subresource: 'token' } }) } }), []), [])
    t.match(JSON.parse(line), { objectRef: { name, apiVersion: 'v1', subresource: 'token' } })
  }
})

t.test('every kind of event fits the API server\'s own types', async (t) => {
  const { outcome: _, ...begun } = moment()
  const moments: Moment[] = [
    moment(),
    { ...begun, stage: 'RequestReceived' },
    { ...begun, stage: 'ResponseStarted', status: 200, stream: true },
    moment({ stream: true }),
    moment({ facts: {} }),
    moment({ facts: { caller: callerWith([], { impersonate: { user: 'u', groups: [] } }) } }),
    moment({ outcome: { status: 0, ending: 'caller-left', bytesOut: 0 } }),
    moment({ arrival: arrival({ method: '', target: '', sourceIPs: [] }), facts: {} }),
    moment({ outcome: { ...complete, status: 503, refusal: { code: 'Draining', message: 'm', reason: 'ServiceUnavailable' } } }),
  ]
  for (const each of moments) t.strictSame(faultsOfEvent(JSON.parse(toLine(toEvent(each, []), []))), [])
  t.not(faultsOfEvent({ ...toEvent(moment(), []), stageTimestamp: '2026-11-21T10:00:00Z' }).length, 0, 'the check itself can fail')
})

t.test('what a Status says of an object whose name is a token, or quotes of what was sent, is hidden as everywhere', async (t) => {
  const about = (resource: string) => moment({
    facts: { resolved: resolved({ attributes: { resource, name: 'opaque-token' } }), caller: callerWith(), cluster: 'prod', verdict: byReadWorkloads },
    bodies: { status: { status: 'Success', details: { name: 'opaque-token', causes: [{ message: 'bad password=hunter2', field: 'x' }] } }, omitted: {}, truncated: false },
  })
  for (const resource of ['oauthaccesstokens', 'oauthauthorizetokens', 'useroauthaccesstokens']) t.notMatch(toLine(toEvent(about(resource), []), []), /opaque-token|hunter2/, resource)
  t.match(toEvent(about('pods'), []).responseStatus?.details, { name: 'opaque-token', causes: [{ message: 'bad password=[redacted]', field: 'x' }] })
})
