import t from 'tap'
import { least, toRules } from '../../src/rbac/least.ts'
import { Permissions, permissionsOf, type PolicyRule } from '../../src/rbac/permission.ts'

const reduced = (...rules: PolicyRule[]) => toRules(least(rules.flatMap(permissionsOf)))
const core = (resources: string[], verbs: string[], resourceNames: string[] = []) => ({ apiGroups: [''], resources, resourceNames, verbs })

t.test('what is there twice is there once, and what another rule allows anyway is left out', async (t) => {
  const rows: [string, PolicyRule[], object[]][] = [
    ['twice the same', [core(['pods'], ['get']), core(['pods'], ['get'])], [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }]],
    ['another verb', [core(['pods'], ['list']), core(['pods'], ['get'])], [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }]],
    ['every verb', [core(['pods'], ['get']), core(['pods'], ['*'])], [{ apiGroups: [''], resources: ['pods'], verbs: ['*'] }]],
    ['a name, and all', [core(['pods'], ['get'], ['x']), core(['pods'], ['get'])], [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }]],
    ['every resource', [core(['pods/log'], ['get']), core(['*'], ['get'])], [{ apiGroups: [''], resources: ['*'], verbs: ['get'] }]],
    ['a subresource of all', [core(['deployments/scale'], ['get']), core(['*/scale'], ['get'])], [{ apiGroups: [''], resources: ['*/scale'], verbs: ['get'] }]],
    ['every group', [core(['pods'], ['get']), { ...core(['pods'], ['get']), apiGroups: ['*'] }], [{ apiGroups: ['*'], resources: ['pods'], verbs: ['get'] }]],
    ['pods/* is no pattern', [core(['pods/log'], ['get']), core(['pods/*'], ['get'])], [{ apiGroups: [''], resources: ['pods/*', 'pods/log'], verbs: ['get'] }]],
    ['a path and a prefix', [{ verbs: ['get'], nonResourceURLs: ['/a/b', '/a/*', '/a/**'] }], [{ nonResourceURLs: ['/a/*'], verbs: ['get'] }]],
    ['a star that covers no other verb', [{ verbs: ['get'], nonResourceURLs: ['/a*'] }, { verbs: ['post'], nonResourceURLs: ['/ab'] }],
      [{ nonResourceURLs: ['/a*'], verbs: ['get'] }, { nonResourceURLs: ['/ab'], verbs: ['post'] }]],
  ]
  for (const [name, rules, expected] of rows) t.strictSame(reduced(...rules), expected, name)
})

t.test('rules become one where they differ in one list alone', async (t) => {
  const rows: [string, PolicyRule[], object[]][] = [
    ['resources', [core(['services'], ['get', 'list']), core(['pods'], ['list', 'get'])], [{ apiGroups: [''], resources: ['pods', 'services'], verbs: ['get', 'list'] }]],
    ['names', [core(['pods'], ['get'], ['y']), core(['pods'], ['get'], ['x'])], [{ apiGroups: [''], resources: ['pods'], resourceNames: ['x', 'y'], verbs: ['get'] }]],
    ['groups', [{ ...core(['a'], ['get']), apiGroups: ['x'] }, core(['a'], ['get'])], [{ apiGroups: ['', 'x'], resources: ['a'], verbs: ['get'] }]],
    ['named and unnamed stay apart', [core(['a'], ['get'], ['x']), core(['a'], ['list'])],
      [{ apiGroups: [''], resources: ['a'], resourceNames: ['x'], verbs: ['get'] }, { apiGroups: [''], resources: ['a'], verbs: ['list'] }]],
    ['two lists differ', [core(['a'], ['get']), core(['b'], ['list'])],
      [{ apiGroups: [''], resources: ['a'], verbs: ['get'] }, { apiGroups: [''], resources: ['b'], verbs: ['list'] }]],
  ]
  for (const [name, rules, expected] of rows) {
    t.strictSame(reduced(...rules), expected, name)
    t.strictSame(reduced(...rules.toReversed()), expected, `${name}, the other way round`)
  }
})

t.test('a rule without verbs, groups or resources, or with an empty word, is nothing', async (t) => {
  t.strictSame(reduced(core(['pods'], []), core([], ['get']), core([''], ['']), { verbs: ['get'], resources: ['pods'] }, core(['pods'], ['get'], [''])), [])
})

t.test('what stands beside is not said again', async (t) => {
  const beside = permissionsOf(core(['pods'], ['*']))
  t.strictSame(toRules(least(permissionsOf(core(['pods', 'secrets'], ['get'])), beside)), [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }])
})

t.test('a wildcard is covered by a wildcard alone', async (t) => {
  const [wild] = permissionsOf(core(['*'], ['*']))
  const many = new Permissions(permissionsOf(core(['pods', 'secrets'], ['get', 'list', 'create'])))
  t.equal(many.cover(wild!), false)
  t.equal(new Permissions([wild!]).cover(wild!), true)
})
