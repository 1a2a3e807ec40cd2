import t from 'tap'
import { parseFilter, type FilterOptions } from '../../../src/cli/audit-show/filter.ts'
import type { LoggedEvent } from '../../../src/audit-log/event.ts'
import { loggedEvent } from '../../support/audit-lines.ts'

const now = Date.parse('2026-11-22T10:00:00Z')
const status = (code: number, annotations: Record<string, string> = {}): Partial<LoggedEvent> => ({ responseStatus: { code }, annotations })
const object = (resource: string, more: object = {}): Partial<LoggedEvent> => ({ objectRef: { resource, namespace: 'team-a', ...more } })
const path = { objectRef: undefined, requestURI: '/healthz/etcd?verbose=1' } as unknown as Partial<LoggedEvent>
const at = (stageTimestamp: string): Partial<LoggedEvent> => ({ stageTimestamp })

/** What is asked for; an event that is it; one that is not. */
const rows: readonly [FilterOptions, Partial<LoggedEvent>, Partial<LoggedEvent>][] = [
  [{}, {}, null as never],
  [{ caller: ['ci'] }, {}, { user: { username: 'ci-2' } }],
  [{ caller: ['bot', 'ci'] }, {}, { user: {} }],
  [{ verb: ['LIST'] }, {}, { verb: 'get' }],
  [{ resource: ['pods'] }, object('pods'), object('pods', { subresource: 'exec' })],
  [{ resource: ['po'] }, object('pods'), object('services')],
  [{ resource: ['pods/exec'] }, object('pods', { subresource: 'exec' }), object('pods')],
  [{ resource: ['pods/*'] }, object('pods', { subresource: 'log' }), object('services', { subresource: 'proxy' })],
  [{ resource: ['*/scale'] }, object('deployments', { apiGroup: 'apps', subresource: 'scale' }), object('deployments', { apiGroup: 'apps' })],
  [{ resource: ['*'] }, object('pods', { subresource: 'log' }), path],
  [{ resource: ['deployments.apps'] }, object('deployments', { apiGroup: 'apps' }), object('deployments', { apiGroup: 'apps.example' })],
  [{ resource: ['deploy.apps/scale'] }, object('deployments', { apiGroup: 'apps', subresource: 'scale' }), object('deployments', { apiGroup: 'apps' })],
  [{ resource: ['*.apps'] }, object('statefulsets', { apiGroup: 'apps', subresource: 'scale' }), object('pods')],
  [{ resource: ['deployments'] }, object('deployments', { apiGroup: 'apps' }), object('pods')],
  [{ resource: ['/healthz/*'] }, path, object('healthz')],
  [{ namespace: ['team-a'] }, {}, object('pods', { namespace: 'team-b' })],
  [{ namespace: ['team-a'] }, {}, path],
  [{ code: ['200'] }, {}, status(403)],
  [{ code: ['4XX'] }, status(403), status(500)],
  [{ code: ['ScopeDenied', '500'] }, status(403, { 'portcullis.dev/code': 'ScopeDenied' }), status(403)],
  [{ cluster: ['prod'] }, {}, status(200, { 'portcullis.dev/cluster': 'prod-2' })],
  [{ denied: true }, status(403, { 'authorization.k8s.io/decision': 'forbid' }), {}],
  [{ denied: true }, status(429, { 'portcullis.dev/code': 'RateLimited' }), status(502, { 'portcullis.dev/code': 'BadUpstream' })],
  [{ denied: true }, status(403), status(404)],
  [{ since: '1d' }, at('2026-11-21T10:00:00.000000Z'), at('2026-11-21T09:59:59.999000Z')],
  [{ since: '2026-11-21T12:00:00+02:00' }, at('2026-11-21T10:00:00.000000Z'), at('2026-11-21T09:59:59Z')],
  [{ until: '2026-11-21T10:00:00z' }, at('2026-11-21T10:00:00.000000Z'), at('2026-11-21T10:00:00.001000Z')],
  [{ since: '2026-11-21' }, at('2026-11-21T00:00:00.000000Z'), at('2026-11-20T23:59:59.999000Z')],
  [{ since: '2026-11-21T09:30', until: '2026-11-21 10:00' }, at('2026-11-21T10:00:00.000000Z'), at('2026-11-21T09:29:59.999000Z')],
  [{ resource: ['/healthz/a,b'] }, { ...path, requestURI: '/healthz/a,b' }, path],
  [{ caller: ['CN=a,O=b'] }, { user: { username: 'CN=a,O=b' } }, {}],
  [{ caller: ['ci'], verb: ['get'] }, { verb: 'get' }, {}],
]

for (const [options, is, isNot] of rows) {
  t.test(JSON.stringify(options), async (t) => {
    const matches = parseFilter(options, now)
    t.ok(matches(loggedEvent(is)))
    if (isNot !== null) t.notOk(matches(loggedEvent(isNot)))
  })
}

for (const [options, message] of [
  [{ code: ['ScopeDeneid'] }, /did you mean ScopeDenied\?/],
  [{ code: ['600'] }, /an HTTP status as 403/],
  [{ code: [''] }, /--code takes/],
  [{ resource: ['.apps'] }, /--resource takes/],
  [{ since: 'yesterday' }, /--since takes a duration such as 90m or 14d, a day or a minute in UTC such as 2026-11-21 or 2026-11-21T10:00, or an RFC 3339 time/],
  [{ until: '2026-11-21T10' }, /--until takes/],
  [{ since: '2026-13-41' }, /--since takes/],
  [{ resource: ['pods', 'pods,services'] }, /--resource takes one, and may be given again: --resource pods --resource services/],
  [{ namespace: ['a,b'] }, /--namespace a --namespace b/],
  [{ verb: ['get, list'] }, /--verb get --verb list/],
  [{ code: ['403,404'] }, /--code 403 --code 404/],
  [{ cluster: ['a,b'] }, /--cluster a --cluster b/],
  [{ since: '2026-13-41T00:00:00Z' }, /--since takes/],
  [{ since: '1h', until: '2h' }, /nothing lies between/],
] as const) {
  t.test(`${JSON.stringify(options)} makes no sense, and what would is said`, async (t) => {
    t.throws(() => parseFilter(options, now), { name: 'UsageError', message })
  })
}
