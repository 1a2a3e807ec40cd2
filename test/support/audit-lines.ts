import type { LoggedEvent } from '../../src/audit-log/event.ts'

/** An event as a log has it: a list of the pods of `team-a` by `ci`, answered with 200 after 12 ms, unless told otherwise. */
export function loggedEvent(overrides: Partial<LoggedEvent> = {}): LoggedEvent {
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: '11111111-2222-4333-8444-555555555555',
    stage: 'ResponseComplete',
    requestURI: '/api/v1/namespaces/team-a/pods',
    verb: 'list',
    user: { username: 'ci', extra: { 'portcullis.dev/key-id': ['k7Q2mX9a'] } },
    sourceIPs: ['10.0.0.7'],
    userAgent: 'kubectl/v1.35.0 (linux/amd64) kubernetes/66452049',
    objectRef: { resource: 'pods', namespace: 'team-a', apiVersion: 'v1' },
    responseStatus: { metadata: {}, code: 200 },
    requestReceivedTimestamp: '2026-11-21T10:00:00.000000Z',
    stageTimestamp: '2026-11-21T10:00:00.012000Z',
    annotations: {
      'authorization.k8s.io/decision': 'allow',
      'authorization.k8s.io/reason': 'rule 1 of scope read-workloads',
      'portcullis.dev/bytes-out': '1915',
      'portcullis.dev/cluster': 'prod',
      'portcullis.dev/duration-ms': '12',
      'portcullis.dev/scope': 'read-workloads',
    },
    ...overrides,
  }
}

export function loggedLine(overrides: Partial<LoggedEvent> = {}): string {
  return JSON.stringify(loggedEvent(overrides))
}
