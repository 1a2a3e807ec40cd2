import t from 'tap'
import { ruleWords } from '../../src/cli/rule-words.ts'
import type { Rule } from '../../src/model/caller.ts'

const pods: Rule = { verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: [], nonResourceURLs: [], namespaces: ['a'], acknowledge: [] }

for (const [given, narrowing, words] of [
  [{}, undefined, 'get pods in a'],
  [{ verbs: ['*'], resources: ['*'], apiGroups: ['*'], namespaces: ['*'] }, undefined, 'do anything with everything in every namespace and outside of all'],
  [{ verbs: ['get', 'list', 'watch'], resources: ['pods', '*/scale'], apiGroups: ['*'] }, undefined, 'get, list and watch pods and */scale of any API group in a'],
  [{ apiGroups: ['', 'apps'], resources: ['*'] }, undefined, 'get everything of the core group and apps in a'],
  [{ resourceNames: ['x', 'y'] }, undefined, 'get pods named x and y in a'],
  [{ resources: [], nonResourceURLs: ['/a', '/b/*'] }, undefined, 'get /a and /b/*'],
  [{ resources: [], nonResourceURLs: ['*'] }, undefined, 'get every path that is no resource'],
  [{ nonResourceURLs: ['/a'] }, undefined, 'get pods in a; get /a'],
  [{ acknowledge: ['mint-token', 'own-credential'] }, undefined, 'get pods in a; knowingly: mint-token and own-credential'],
  [{ namespaces: ['a', 'b-*'] }, ['*-x', 'a'], 'get pods in a and b-* & *-x'],
  [{ namespaces: ['*'] }, ['a'], 'get pods in a'],
  [{}, ['b'], 'get pods in no namespace'],
  [{ namespaces: [] }, undefined, 'get pods in no namespace'],
  [{ verbs: [] }, undefined, 'nothing: the rule has no verbs'],
  [{ apiGroups: [] }, undefined, 'nothing with pods: the rule has no apiGroups'],
  [{ resources: [] }, undefined, 'nothing: the rule has no resources and no nonResourceURLs'],
] as const) {
  t.test(`a rule in words: ${words}`, async t => t.equal(ruleWords({ ...pods, ...given }, { namespaces: narrowing }), words))
}
