import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { createAuthorize } from '../../src/authorize/authorize.ts'
import { rbacCommand, type RbacArgs } from '../../src/cli/rbac.ts'
import { headOf } from '../../src/cli/rbac/head.ts'
import { needsOf } from '../../src/cli/rbac/needs.ts'
import { rolesFor } from '../../src/cli/rbac/roles.ts'
import type { Attributes } from '../../src/model/attributes.ts'
import { guardRoutes, type Grant, type Rule } from '../../src/model/caller.ts'
import { printManifests } from '../../src/rbac/manifests.ts'
import { attributes, definition, rule } from '../support/builders.ts'
import { ear } from '../support/command.ts'
import { runKubectl } from '../support/kubectl.ts'
import { facts } from '../support/questions.ts'
import { startSample } from '../support/sample.ts'
import { jwt } from '../credentials/tokens.ts'
import { boundRoles, rbacAllows, readManifests, type PrintedRole } from './rbac-matcher.ts'

const config = 'listen: { insecure: true }\nclusters:\n'
  + '  - { name: prod, server: "https://x", credential: { tokenEnv: T } }\n'
  + '  - { name: test, server: "https://y", credential: { tokenRequest: { bootstrap: { tokenEnv: T }, serviceAccount: { namespace: ops, name: proxy } } } }\n'
const token = jwt({ sub: 'system:serviceaccount:own:proxy', 'kubernetes.io': { namespace: 'own', serviceaccount: { name: 'proxy' } } })

interface Given { readonly callers: readonly object[], readonly scopes?: readonly object[] }

async function run(t: Test, callers: Given, args: Partial<RbacArgs> = {}, env: Record<string, string> = { T: token }) {
  const folder = t.testdir({ 'p.yaml': config, 'callers.yaml': stringify(callers) })
  const [stdout, stderr] = [ear(), ear()]
  const code = await rbacCommand({ configFile: join(folder, 'p.yaml'), ...args }, { stdout, stderr, env })
  return { code, text: stdout.text, stderr: stderr.text }
}

/** By the name of the role: its rules without those that Portcullis itself needs. */
function rulesOf(text: string): Record<string, object[]> {
  const own = (rule: object) => /customresourcedefinitions|apiservices/.test(JSON.stringify(rule))
  return Object.fromEntries(readManifests(text).filter(({ rules }) => rules !== undefined)
    .map(({ kind, metadata, rules = [] }) => [`${kind} ${metadata.name}`, rules.filter(rule => !own(rule))]))
}

const caller = (rules: readonly object[], rest: object = {}) => ({ name: 'ci', rules, ...rest })
const pods = { apiGroups: [''], resources: ['pods'], verbs: ['get'] }
const printedPods = { apiGroups: [''], resources: ['pods'], verbs: ['get'] }

t.test('rules become roles where they hold', async (t) => {
  const rows: [string, Given, Record<string, object[]>, Partial<RbacArgs>?][] = [
    ['everywhere', { callers: [caller([{ ...pods, namespaces: ['*'] }])] }, { 'ClusterRole portcullis': [printedPods] }],
    ['in named namespaces', { callers: [caller([{ ...pods, namespaces: ['b', 'a'] }])] },
      { 'ClusterRole portcullis': [], 'Role portcullis-a': [printedPods], 'Role portcullis-b': [printedPods] }],
    ['in a namespace and everywhere', { callers: [caller([{ ...pods, namespaces: ['a'] }, { ...pods, namespaces: ['*'] }])] }, { 'ClusterRole portcullis': [printedPods] }],
    ['by a glob, namespaces unknown', { callers: [caller([{ ...pods, namespaces: ['a', 'b-*'] }])] }, { 'ClusterRole portcullis': [printedPods] }],
    ['by a glob, namespaces named', { callers: [caller([{ ...pods, namespaces: ['a', 'b-*'] }])] },
      { 'ClusterRole portcullis': [], 'Role portcullis-a': [printedPods], 'Role portcullis-b-1': [printedPods], 'Role portcullis-b-2': [printedPods] },
      { namespaces: ['b-2', 'b-1', 'c'] }],
    ['narrowed by the long form', { scopes: [{ name: 's', rules: [{ ...pods, namespaces: ['*'] }] }], callers: [caller([], { scopes: [{ name: 's', namespaces: ['a'] }] })] },
      { 'ClusterRole portcullis': [], 'Role portcullis-a': [printedPods] }],
    ['narrowed to what the rule has not', { scopes: [{ name: 's', rules: [{ ...pods, namespaces: ['a-*', 'b'] }] }], callers: [caller([], { scopes: [{ name: 's', namespaces: ['c', 'd-*'] }] })] },
      { 'ClusterRole portcullis': [] }],
    ['narrowed by a glob', { scopes: [{ name: 's', rules: [{ ...pods, namespaces: ['a-x', 'b', '*-y'] }] }], callers: [caller([], { scopes: [{ name: 's', namespaces: ['a-*'] }] })] },
      { 'ClusterRole portcullis': [], 'Role portcullis-a-x': [printedPods], 'Role portcullis-a-y': [printedPods] }, { namespaces: ['a-y', 'b-y'] }],
    ['paths', { callers: [caller([{ nonResourceURLs: ['/metrics'], verbs: ['get'] }])] }, { 'ClusterRole portcullis': [{ nonResourceURLs: ['/metrics'], verbs: ['get'] }] }],
    ['paths of a narrowed scope', { scopes: [{ name: 's', rules: [{ nonResourceURLs: ['/metrics'], verbs: ['get'] }] }], callers: [caller([], { scopes: [{ name: 's', namespaces: ['a'] }] })] },
      { 'ClusterRole portcullis': [] }],
    ['a namespace that cannot be', { callers: [caller([{ ...pods, namespaces: ['A_b'] }])] }, { 'ClusterRole portcullis': [] }],
    ['of callers of another cluster', { callers: [caller([{ ...pods, namespaces: ['*'] }], { clusters: ['test'] })] }, { 'ClusterRole portcullis': [] }],
    ['exec, which is a GET by WebSocket', { callers: [caller([{ apiGroups: [''], resources: ['pods/exec', 'pods/portforward'], verbs: ['create'], namespaces: ['a'] }])] },
      { 'ClusterRole portcullis': [], 'Role portcullis-a': [{ apiGroups: [''], resources: ['pods/exec', 'pods/portforward'], verbs: ['create', 'get'] }] }],
    ['create of everything', { callers: [caller([{ apiGroups: [''], resources: ['*'], verbs: ['create'], namespaces: ['a'], acknowledge: ['node-proxy'] }])] }, {
      'ClusterRole portcullis': [],
      'Role portcullis-a': [
        { apiGroups: [''], resources: ['*'], verbs: ['create'] },
        { apiGroups: [''], resources: ['nodes/proxy', 'pods/attach', 'pods/exec', 'pods/portforward'], verbs: ['get'] },
      ],
    }],
    ['what the guard refuses', { callers: [caller([{ apiGroups: ['', 'rbac.authorization.k8s.io'], resources: ['pods', 'rolebindings'], verbs: ['create', 'get'], namespaces: ['a'] }])] }, {
      'ClusterRole portcullis': [],
      'Role portcullis-a': [
        { apiGroups: ['', 'rbac.authorization.k8s.io'], resources: ['pods'], verbs: ['create', 'get'] },
        { apiGroups: ['', 'rbac.authorization.k8s.io'], resources: ['rolebindings'], verbs: ['get'] },
      ],
    }],
    ['what the guard refuses in our own namespace alone', { callers: [caller([{ apiGroups: [''], resources: ['pods'], verbs: ['delete'], namespaces: ['a', 'own'] }])] },
      { 'ClusterRole portcullis': [], 'Role portcullis-a': [{ apiGroups: [''], resources: ['pods'], verbs: ['delete'] }] }],
    ['paths that the guard refuses', { callers: [caller([{ nonResourceURLs: ['/logs/*', '/debug/pprof', '/deb*'], verbs: ['get'] }])] },
      { 'ClusterRole portcullis': [{ nonResourceURLs: ['/deb*'], verbs: ['get'] }] }],
    ['callers that the API server judges itself', { callers: [caller([{ ...pods, namespaces: ['*'] }], { impersonate: { user: 'tool:ci', groups: ['tools', 'more'] } })] }, {
      'ClusterRole portcullis': [
        { apiGroups: [''], resources: ['groups'], resourceNames: ['more', 'tools'], verbs: ['impersonate'] },
        { apiGroups: [''], resources: ['users'], resourceNames: ['tool:ci'], verbs: ['impersonate'] },
      ],
    }],
    ['a service account to be impersonated', { callers: [caller([], { impersonate: { user: 'system:serviceaccount:a:robot' } })] },
      { 'ClusterRole portcullis': [], 'Role portcullis-a': [{ apiGroups: [''], resources: ['serviceaccounts'], resourceNames: ['robot'], verbs: ['impersonate'] }] }],
  ]
  for (const [name, callers, expected, args] of rows) {
    const { code, text, stderr } = await run(t, callers, args)
    t.equal(code, 0, stderr)
    t.strictSame(rulesOf(text), expected, name)
  }
})

t.test('the whole text, as it is applied', async (t) => {
  const { text } = await run(t, { callers: [caller([{ ...pods, namespaces: ['a', 'b-*'] }, { ...pods, resources: ['nodes'], namespaces: ['*'] }])] })
  t.equal(text, `# Printed by portcullis rbac: the least that the account own/proxy needs on cluster prod to serve 1 caller.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: portcullis
rules:
  - apiGroups: [""]
    resources: [nodes]
    verbs: [get]
  # For namespaces that match b-*: RBAC knows no globs, so what follows reaches ALL namespaces.
  # Name the namespaces to get a Role for each instead: portcullis rbac --namespace NAME --namespace NAME
  - apiGroups: [""]
    resources: [pods]
    verbs: [get]
  # Portcullis itself: it learns at once of new APIs. It works without, too.
  - apiGroups: [apiextensions.k8s.io]
    resources: [customresourcedefinitions]
    verbs: [list, watch]
  - apiGroups: [apiregistration.k8s.io]
    resources: [apiservices]
    verbs: [list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: portcullis
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: portcullis
subjects:
  - kind: ServiceAccount
    namespace: own
    name: proxy
`)
})

t.test('the head says what is not in the rules', async (t) => {
  const bindings = { apiGroups: ['rbac.authorization.k8s.io'], resources: ['rolebindings'], verbs: ['create'], namespaces: ['a'] }
  const rows: [string, Given, RegExp, Partial<RbacArgs>?][] = [
    ['what the guard refuses', { callers: [caller([bindings])] }, /^# Left out.*\n# {3}rules of callers \(lacks acknowledge: \[grant-role\]\): create rolebindings\.rbac\.authorization\.k8s\.io$/m],
    ['what bindings need', { callers: [caller([{ ...bindings, acknowledge: ['grant-role'] }])] }, /^# To write roles and bindings an account must also hold what they grant/m],
    ['wildcards', { callers: [caller([{ ...bindings, verbs: ['*'] }])] }, /^# Wildcards are granted whole/m],
    ['impersonation', { callers: [caller([], { impersonate: { user: 'tool:ci' } })] }, /^# The API server itself judges tool:ci: /m],
    ['globs', { callers: [caller([{ ...pods, namespaces: ['b-*'] }])] }, /^# No namespace that was named matches b-\*: /m, { namespaces: ['a'] }],
  ]
  for (const [name, callers, expected, args] of rows) t.match((await run(t, callers, args)).text, expected, name)
  const opened = { callers: [caller([bindings, { ...bindings, acknowledge: ['grant-role'] }])] }
  t.notMatch((await run(t, opened)).text, /Left out/, 'what another rule opens is not left out')
  const unknown = await run(t, { callers: [] }, {}, { T: 'opaque' })
  t.match(unknown.text, /^# The config does not say which account that is: --service-account/m)
  t.match(unknown.text, /namespace: portcullis\n {4}name: portcullis\n/)
})

t.test('the account is the one that is named, or that of the credential', async (t) => {
  const subjects = async (args: Partial<RbacArgs>) => readManifests((await run(t, { callers: [] }, args)).text).flatMap(({ kind, subjects = [] }) => subjects.map(one => [kind, one]))
  t.strictSame(await subjects({ serviceAccount: 'x/y' }), [['ClusterRoleBinding', { kind: 'ServiceAccount', namespace: 'x', name: 'y' }]])
  t.strictSame(await subjects({ cluster: 'test' }), [
    ['ClusterRoleBinding', { kind: 'ServiceAccount', namespace: 'ops', name: 'proxy' }],
    ['RoleBinding', { kind: 'ServiceAccount', namespace: 'own', name: 'proxy' }],
  ])
})

t.test('with tokenRequest, the bootstrap account may mint tokens of that one account', async (t) => {
  const { text } = await run(t, { callers: [] }, { cluster: 'test' })
  t.strictSame(rulesOf(text)['Role portcullis-bootstrap'], [{ apiGroups: [''], resources: ['serviceaccounts/token'], resourceNames: ['proxy'], verbs: ['create'] }])
  t.match(readManifests(text).find(({ kind }) => kind === 'Role')?.metadata, { namespace: 'ops' })
  const unknown = await run(t, { callers: [] }, { cluster: 'test' }, { T: 'opaque' })
  t.notOk(readManifests(unknown.text).some(({ kind }) => kind === 'RoleBinding'))
  t.match(unknown.text, /^# kubectl -n ops create rolebinding portcullis-bootstrap /m)
})

t.test('what is wrong with the call is 2, what is wrong with the files 1', async (t) => {
  const rows: [Partial<RbacArgs>, number, RegExp][] = [
    [{ serviceAccount: 'x' }, 2, /^portcullis rbac: --service-account takes NAMESPACE\/NAME\n$/],
    [{ serviceAccount: 'x/y/z' }, 2, /--service-account/],
    [{ namespaces: ['a', 'b-*'] }, 2, /^portcullis rbac: --namespace takes the name of one namespace, which "b-\*" is not\n$/],
    [{ cluster: 'nope' }, 1, /^portcullis rbac: there is no cluster "nope"; there are: prod, test\n$/],
    [{ configFile: join(t.testdirName, 'nowhere') }, 1, /does not exist/],
  ]
  for (const [args, code, message] of rows) {
    const ran = await run(t, { callers: [] }, args)
    t.equal(ran.code, code)
    t.match(ran.stderr, message)
    t.equal(ran.text, '')
  }
})

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'

function definitionOf(kind: string, scope: string): object {
  const plural = `${kind.toLowerCase()}s`
  return {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `${plural}.rbac.authorization.k8s.io` },
    spec: {
      group: 'rbac.authorization.k8s.io', scope, names: { plural, singular: kind.toLowerCase(), kind },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    },
  }
}

t.test('kubectl takes the manifests', async (t) => {
  const { sample, ca, token, call, lines } = await startSample(t, { crdDelay: 0 })
  // The sample has no RBAC of its own; kubectl wants the kinds to be served, and knows their form.
  for (const [kind, scope] of [['ClusterRole', 'Cluster'], ['ClusterRoleBinding', 'Cluster'], ['Role', 'Namespaced'], ['RoleBinding', 'Namespaced']] as const) {
    await call('POST', definitions, { body: definitionOf(kind, scope) })
  }
  for await (const line of await lines(`${definitions}?watch=true&fieldSelector=metadata.name%3Drolebindings.rbac.authorization.k8s.io`)) {
    if (line.includes('Established')) break
  }
  const { text } = await run(t, { callers: [
    caller([{ ...pods, namespaces: ['*'] }, { ...pods, verbs: ['delete'], namespaces: ['team-a', 'b-*'] }, { nonResourceURLs: ['/metrics'], verbs: ['get'] }]),
  ] }, { cluster: 'test', namespaces: ['b-1'] })
  const kubeconfig = join(t.testdir({}), 'kubeconfig')
  writeFileSync(kubeconfig, JSON.stringify({
    'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'x', 'contexts': [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
    'clusters': [{ name: 'x', cluster: { 'server': sample.url, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    'users': [{ name: 'x', user: { token } }],
  }))
  const ran = await runKubectl(['create', '--dry-run=client', '--validate=false', '-o', 'name', '-f', '-'], { kubeconfig, stdin: text })
  t.equal(ran.code, 0, ran.stderr)
  t.strictSame(ran.stdout.trim().split('\n'), [
    'clusterrole.rbac.authorization.k8s.io/portcullis', 'clusterrolebinding.rbac.authorization.k8s.io/portcullis',
    'role.rbac.authorization.k8s.io/portcullis-b-1', 'rolebinding.rbac.authorization.k8s.io/portcullis-b-1',
    'role.rbac.authorization.k8s.io/portcullis-team-a', 'rolebinding.rbac.authorization.k8s.io/portcullis-team-a',
    'role.rbac.authorization.k8s.io/portcullis-bootstrap', 'rolebinding.rbac.authorization.k8s.io/portcullis-bootstrap',
  ])
})

const resources = (...more: string[]) => fc.subarray(['pods', 'pods/exec', 'secrets', 'rolebindings', '*', '*/exec', ...more], { maxLength: 3 })
const words = {
  apiGroups: fc.subarray(['', 'apps', 'rbac.authorization.k8s.io', '*'], { minLength: 1, maxLength: 2 }),
  resourceNames: fc.subarray(['x']),
  nonResourceURLs: fc.subarray(['/metrics', '/logs*', '*'], { maxLength: 1 }),
  namespaces: fc.constantFrom(['*'], ['a'], ['b', 'own'], ['o*'], ['o*', 'a'], []),
}
const grantOf = (rules: fc.Arbitrary<Rule>): fc.Arbitrary<Grant> => fc.record({
  scope: fc.constantFrom(null, 's1', 's2'),
  rules: fc.array(rules, { maxLength: 4 }),
  namespaces: fc.constantFrom(undefined, undefined, ['*'], ['a'], ['o*'], ['*n']),
})
// A list of projects in one namespace is never let through, and its verb is superfluous.
const openGrant = grantOf(fc.record({ ...words, resources: resources(), verbs: fc.subarray(['get', 'list', 'create', '*'], { maxLength: 3 }), acknowledge: fc.constant([...guardRoutes]) }))
const guardedGrant = grantOf(fc.record({ ...words, resources: resources('projects'), verbs: fc.subarray(['get', 'list', 'create', '*'], { maxLength: 3 }), acknowledge: fc.subarray([...guardRoutes]) }))

interface Asked { readonly attributes: Attributes, readonly upgrade: boolean }

// Of each glob more than one, or a Role for the one would make what the glob needs look superfluous.
const namespaces = ['a', 'b', 'own', 'other', 'main', 'ocean']
const things = ['', 'apps', 'rbac.authorization.k8s.io', 'x'].flatMap(group => ['pods', 'secrets', 'rolebindings', 'projects', 'y'].flatMap(resource =>
  ['', 'exec'].map(subresource => [group, resource, subresource] as const)))
const upgrades = [['pods', 'exec'], ['pods', 'attach'], ['pods', 'portforward'], ['nodes', 'proxy']] as const
const resourceRequests = ['', ...namespaces].flatMap(namespace => ['', 'x'].flatMap(name => [
  ...['get', 'list', 'create', 'delete'].flatMap(verb => things.map(([apiGroup, resource, subresource]): Asked =>
    ({ attributes: attributes({ verb, apiGroup, resource, subresource, namespace, name }), upgrade: false }))),
  ...upgrades.map(([resource, subresource]): Asked => ({ attributes: attributes({ verb: 'get', resource, subresource, namespace, name }), upgrade: true })),
]))
const paths = ['/metrics', '/logs/x', '/logs', '/other'].flatMap(path => ['get', 'list', 'create', 'delete'].map((verb): Asked => ({
  attributes: attributes({ isResourceRequest: false, path, verb, apiGroup: '', resource: '', namespace: '' }), upgrade: false,
})))
const universe = [...resourceRequests, ...paths]

const authorize = createAuthorize()
const cluster = facts({ ownNamespaces: ['own'] })

/** Those that Portcullis lets through, as the API server then judges them. */
function servedOf(grants: readonly Grant[]): Attributes[] {
  const caller = { definition: definition({ grants, discovery: false }), credentialId: '', expiresAt: undefined }
  return universe.filter(({ attributes, upgrade }) =>
    authorize(caller, { attributes, upgrade, contentType: undefined, impersonation: undefined, cluster }).allowed,
  ).map(({ attributes }) => attributes.resource === 'projects' && attributes.apiGroup === '' && attributes.verb !== 'list' ? { ...attributes, namespace: attributes.name } : attributes)
}

function printedFor(grants: readonly Grant[], names: readonly string[]): string {
  const found = needsOf([definition({ grants })], cluster, names)
  return printManifests(headOf({ cluster: 'prod', account: { namespace: 'own', name: 'proxy' }, accountIsKnown: true }, found), rolesFor(found.needs, { namespace: 'own', name: 'proxy' }))
}

/** Callers of one scope hold the same rules. */
const consistent = (grants: readonly Grant[]) => grants.map(grant => ({ ...grant, rules: grants.find(({ scope }) => scope === grant.scope)?.rules ?? [] }))
const known = fc.constantFrom<readonly string[]>([], [...namespaces, 'x'])

t.test('whatever the scopes are, what Portcullis lets through the printed roles allow', async (t) => {
  fc.assert(fc.property(fc.array(guardedGrant, { maxLength: 3 }).map(consistent), known, (grants, names) => {
    const roles = boundRoles(printedFor(grants, names))
    return servedOf(grants).every(asked => rbacAllows(roles, asked))
  }), { numRuns: 100 })
  t.pass()
})

t.test('no verb of the printed roles is superfluous, and their order does not depend on the files', async (t) => {
  fc.assert(fc.property(fc.array(openGrant, { maxLength: 2 }).map(consistent), known, (grants, names) => {
    const text = printedFor(grants, names)
    if (text !== printedFor(grants.toReversed(), names)) return false
    const roles = boundRoles(text)
    const served = servedOf(grants)
    return [...withoutOneVerb(roles)].every(fewer => served.some(asked => !rbacAllows(fewer, asked)))
  }), { numRuns: 100 })
  t.pass()
})

function* withoutOneVerb(roles: readonly PrintedRole[]): Generator<PrintedRole[]> {
  for (const [place, role] of roles.entries()) {
    for (const [index, { verbs, ...rest }] of role.rules.entries()) {
      if (JSON.stringify(rest).includes('.k8s.io"],"resources":["customresourcedefinitions') || JSON.stringify(rest).includes('"apiservices"')) continue
      for (const verb of verbs) {
        const rules = role.rules.with(index, { ...rest, verbs: verbs.filter(other => other !== verb) })
        yield roles.map((other, at) => at === place ? { ...role, rules } : other)
      }
    }
  }
}

t.test('an empty rule is printed as nothing', async (t) => {
  t.strictSame(rolesFor(needsOf([definition({ grants: [{ scope: null, rules: [rule()], namespaces: undefined }] })], cluster, []).needs, { namespace: 'a', name: 'b' }).length, 1)
})

t.test('what globs need everywhere is not printed once more beside it', async (t) => {
  const wide = { ...rule(), apiGroups: ['*'], resources: ['*/log'], verbs: ['*'], namespaces: ['team-*'] }
  const narrow = { ...rule(), apiGroups: ['apps'], resources: ['*/log'], verbs: ['get'], namespaces: ['*'] }
  const grants = [{ scope: null, rules: [narrow, wide, narrow], namespaces: undefined }]
  const [clusterRole] = boundRoles(printedFor(grants, []))
  t.strictSame(clusterRole?.rules.filter(({ resources }) => resources?.includes('*/log')), [{ apiGroups: ['*'], resources: ['*/log'], verbs: ['*'] }])
})
