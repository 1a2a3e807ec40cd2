import t from 'tap'
import { compilePolicy } from '../../src/audit/policy.ts'
import type { AuditPolicyRule } from '../../src/audit/policy.ts'
import type { Facts } from '../../src/model/trail.ts'
import type { Attributes } from '../../src/model/attributes.ts'
import { policyOf } from '../support/audit-policy.ts'
import { callerWith, resolved } from '../support/builders.ts'

const about = (attributes: Partial<Attributes> = {}): Facts => ({ caller: callerWith(), resolved: resolved({ attributes }) })
const get = { method: 'GET', upgrade: false }
const version = about({ isResourceRequest: false, verb: 'get', path: '/version', resource: '', namespace: '' })

const rows: [string, AuditPolicyRule[], Facts, 'None' | 'Metadata'][] = [
  ['no rule at all records', [], about(), 'Metadata'],
  ['a rule of nothing matches everything', [{ level: 'None' }], about(), 'None'],
  ['empty lists match everything', [{ level: 'None', callers: [], verbs: [], resources: [], namespaces: [] }], version, 'None'],
  ['the first match wins', [{ level: 'Metadata', verbs: ['list'] }, { level: 'None' }], about(), 'Metadata'],
  ['no match records', [{ level: 'None', verbs: ['watch'] }], about(), 'Metadata'],
  ['by caller', [{ level: 'None', callers: ['other', 'ci'] }], about(), 'None'],
  ['by another caller', [{ level: 'None', callers: ['other'] }], about(), 'Metadata'],
  ['a nobody is not a caller of any name', [{ level: 'None', callers: ['ci'] }], {}, 'Metadata'],
  ['by namespace', [{ level: 'None', namespaces: ['a'] }], about(), 'None'],
  ['a namespace rule says nothing of other paths', [{ level: 'None', namespaces: [''] }], version, 'Metadata'],
  ['the empty namespace is cluster scope', [{ level: 'None', namespaces: [''] }], about({ resource: 'nodes', namespace: '' }), 'None'],
  ['by resource', [{ level: 'None', resources: [{ group: '', resources: ['pods'] }] }], about(), 'None'],
  ['a resource rule says nothing of other paths', [{ level: 'None', resources: [{ group: '', resources: ['*'] }] }], version, 'Metadata'],
  ['of another group', [{ level: 'None', resources: [{ group: 'apps', resources: ['pods'] }] }], about(), 'Metadata'],
  ['a whole group', [{ level: 'None', resources: [{ group: '', resources: [] }] }], about({ subresource: 'log' }), 'None'],
  ['a resource is not its subresource', [{ level: 'None', resources: [{ group: '', resources: ['pods'] }] }], about({ subresource: 'log' }), 'Metadata'],
  ['a subresource', [{ level: 'None', resources: [{ group: '', resources: ['pods/log'] }] }], about({ subresource: 'log' }), 'None'],
  ['any subresource', [{ level: 'None', resources: [{ group: '', resources: ['pods/*'] }] }], about({ subresource: 'log' }), 'None'],
  ['any subresource, and the resource itself, as there', [{ level: 'None', resources: [{ group: '', resources: ['pods/*'] }] }], about(), 'None'],
  ['a subresource of any resource', [{ level: 'None', resources: [{ group: '', resources: ['*/log'] }] }], about({ subresource: 'log' }), 'None'],
  ['everything of a group', [{ level: 'None', resources: [{ group: '', resources: ['*'] }] }], about({ subresource: 'log' }), 'None'],
  ['all fields together', [{ level: 'None', callers: ['ci'], verbs: ['get'], namespaces: ['a'] }], about(), 'Metadata'],
  ['other paths by verb', [{ level: 'None', verbs: ['get'] }], version, 'None'],
]

rows.push(
  ['by name', [{ level: 'None', resources: [{ group: '', resources: ['pods'], resourceNames: ['x'] }] }], about({ name: 'x' }), 'None'],
  ['by another name', [{ level: 'None', resources: [{ group: '', resources: ['pods'], resourceNames: ['x'] }] }], about({ name: 'y' }), 'Metadata'],
  ['every group', [{ level: 'None', resources: [{ group: '*', resources: ['scale', '*/scale'] }] }], about({ apiGroup: 'apps', resource: 'deployments', subresource: 'scale' }), 'None'],
  ['a path', [{ level: 'None', nonResourceURLs: ['/version'] }], version, 'None'],
  ['a path that goes on', [{ level: 'None', nonResourceURLs: ['/ver*'] }], version, 'None'],
  ['every path', [{ level: 'None', nonResourceURLs: ['*'] }], version, 'None'],
  ['another path', [{ level: 'None', nonResourceURLs: ['/versions', '/v'] }], version, 'Metadata'],
  ['a rule of paths says nothing of objects', [{ level: 'None', nonResourceURLs: ['*'] }], about(), 'Metadata'],
  ['who is known', [{ level: 'None', groups: ['system:authenticated'] }], about(), 'None'],
  ['who is not', [{ level: 'None', groups: ['system:unauthenticated'] }], {}, 'None'],
  ['a group that no caller is in', [{ level: 'None', groups: ['admins'] }], about(), 'Metadata'],
)

for (const [name, rules, facts, level] of rows) {
  t.test(`audit policy: ${name}`, async t => t.equal(compilePolicy(policyOf(rules))(facts, get).now.level, level))
}

for (const [codes, end, matches] of [
  [['403'], { status: 403 }, true], [['403'], { status: 404 }, false], [['4xx'], { status: 404 }, true], [['4xx'], { status: 504 }, false],
  [['ScopeDenied'], { status: 403, code: 'ScopeDenied' }, true], [['ScopeDenied'], { status: 403 }, false], [['0'], { status: 0 }, true], [['5xx', '0'], { status: 200 }, false],
] as const) {
  t.test(`audit policy: ${codes.join()} is ${matches ? '' : 'not '}${JSON.stringify(end)}`, async (t) => {
    const judged = compilePolicy(policyOf([{ level: 'Request', codes }, { level: 'None' }]))(about(), get)
    t.strictSame([judged.now.level, judged.most, judged.at(end).level], ['None', 'Request', matches ? 'Request' : 'None'])
  })
}

t.test('audit policy: managed fields are dropped unless a rule says otherwise, and sessions recorded where one says so', async (t) => {
  const decided = (rules: AuditPolicyRule[]) => compilePolicy(policyOf(rules))(about(), get).now
  t.match(decided([]), { omitManagedFields: true, recordSessions: false, byName: false })
  t.match(decided([{ level: 'Metadata', omitManagedFields: false, recordSessions: true }]), { omitManagedFields: false, recordSessions: true })
})

for (const [what, rule, upgrade, level] of [
  ['a session by WebSocket is not left out as a read', { level: 'None', verbs: ['get', 'list', 'watch'] }, true, 'Metadata'],
  ['nor as a create', { level: 'None', verbs: ['create'] }, true, 'Metadata'],
  ['but by a rule for both', { level: 'None', verbs: ['create', 'get'] }, true, 'None'],
  ['or for every verb', { level: 'None' }, true, 'None'],
  ['it is written by a rule for creates', { level: 'Request', verbs: ['create'] }, true, 'Request'],
  ['and by one for reads', { level: 'Request', verbs: ['get'] }, true, 'Request'],
  ['a GET of it that is no upgrade is a read', { level: 'None', verbs: ['get'] }, false, 'None'],
] as const) {
  t.test(`audit policy: ${what}`, async (t) => {
    for (const [resource, subresource] of [['pods', 'exec'], ['pods', 'attach'], ['pods', 'portforward'], ['nodes', 'proxy']] as const) {
      const facts = about({ verb: 'get', resource, subresource, name: 'x' })
      t.equal(compilePolicy(policyOf([rule]))(facts, { method: 'GET', upgrade }).now.level, level)
    }
  })
}
