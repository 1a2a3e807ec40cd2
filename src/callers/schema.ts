import { Type } from '../files/shape.ts'
import type { Static } from '../files/shape.ts'
import { guardRoutes } from '../model/caller.ts'
import { identityFields } from './schema-identity.ts'

const strings = (description: string) => Type.Array(Type.String(), { default: [], description })

const verbs = strings('Verbs as in RBAC; * is all. Without any, the rule allows nothing.')
const apiGroups = strings('API groups; "" is the core group, * all.')
const resources = strings('Resources as in pods, pods/log, */scale; * is all.')
const resourceNames = strings('Names of objects; empty: all.')
const nonResourceURLs = strings('Paths that are no resources, as in /metrics; a * at the end stands for the rest.')
const acknowledge = Type.Array(Type.Enum(guardRoutes), {
  default: [], description: 'Escalation routes that this rule opens knowingly.',
})

const ruleSchema = Type.Object({
  verbs, apiGroups, resources, resourceNames, nonResourceURLs,
  namespaces: Type.Optional(Type.Array(Type.String({ pattern: '^[\\s\\S]+$', title: 'a name or a * glob' }), {
    description: 'Names or * globs, which every rule about resources must have; exactly ["*"] also means cluster-scoped resources and all-namespace requests.',
  })),
  acknowledge,
}, { additionalProperties: false, description: 'A rule in RBAC\'s words.' })

const roleRule = Type.Object({ verbs, apiGroups, resources, resourceNames, nonResourceURLs, acknowledge }, {
  additionalProperties: false,
  description: 'A rule of a ClusterRole.',
  'x-unknown': { namespaces: 'has no place in a ClusterRole: a caller\'s long form names them: { name: …, namespaces: […] }' },
})

const scopeName = Type.String({ title: 'a name without /, % or blanks', pattern: '^[^/%\\s]{1,253}$', description: 'How callers name this scope.' })

export const scopeSchema = Type.Object({
  name: scopeName,
  description: Type.Optional(Type.String({ description: 'For people.' })),
  mode: Type.Enum(['enforce', 'shadow'], { default: 'enforce', description: 'shadow: it grants nothing; what its callers do is judged by it as well, and what it would deny is recorded.' }),
  replaces: Type.Optional(Type.Array(scopeName, { description: 'Of a shadow scope: the scopes in whose place it would be; default: all scopes and rules of its callers.' })),
  rules: Type.Array(ruleSchema, { description: 'What the scope allows; the order never matters.' }),
}, { additionalProperties: false, description: 'Rules under a name.' })

/** A pasted manifest: its metadata may hold whatever `kubectl get -o yaml` prints. */
export const clusterRoleSchema = Type.Object({
  apiVersion: Type.Enum(['rbac.authorization.k8s.io/v1', 'rbac.authorization.k8s.io/v1beta1', 'authorization.openshift.io/v1']),
  kind: Type.Enum(['ClusterRole']),
  metadata: Type.Object({ name: scopeName }, { description: 'Only the name is read.' }),
  rules: Type.Array(roleRule, { description: 'What the scope allows.' }),
}, {
  additionalProperties: false,
  description: 'A ClusterRole manifest is a scope too; a caller\'s long form names its namespaces.',
  'x-unknown': {
    aggregationRule: 'cannot be followed here, and what it would gather may change: paste the rules that kubectl get clusterrole -o yaml shows, without aggregationRule',
  },
})

const time = (description: string) => Type.String({
  title: 'a time such as 2027-02-19T10:00:00Z',
  pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$',
  description,
})

const wholeKey = 'a key itself is stored nowhere: keep it with its tool, and its SHA-256 here (portcullis key create makes both)'

const keySchema = Type.Object({
  id: Type.String({ title: 'the 8 letters and digits between the key\'s underscores, in quotes where they read as a number', pattern: '^[0-9A-Za-z]{8}$', description: 'The public part of the key.' }),
  sha256: Type.String({ title: 'SHA-256 of the whole key: 64 hexadecimal digits', pattern: '^[0-9A-Fa-f]{64}$', description: 'SHA-256 of the whole key, hexadecimal.' }),
  createdAt: Type.Optional(time('When it was made.')),
  expiresAt: Type.Optional(time('When it ends; default: never.')),
  revokedAt: Type.Optional(time('When it was revoked; a key with this is refused.')),
  description: Type.Optional(Type.String({ description: 'For people.' })),
}, { additionalProperties: false, description: 'An API key, by its digest.', 'x-unknown': { key: wholeKey, secret: wholeKey, token: wholeKey } })

/** More than any caller of one proxy gets; and never infinite, which no JSON can say. */
const maximum = 1_000_000

const limits = Type.Object({
  requestsPerSecond: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum, description: 'Requests a second, on average.' })),
  burst: Type.Optional(Type.Integer({ minimum: 1, maximum, description: 'Requests at once, before the rate holds; default: as many as a second allows.' })),
  inFlight: Type.Optional(Type.Integer({ minimum: 1, maximum, description: 'Requests at a time that are not long-running.' })),
  streams: Type.Optional(Type.Integer({ minimum: 1, maximum, description: 'Long-running requests and tunnels at a time.' })),
}, { additionalProperties: false, default: {}, description: 'Limits of this caller; default: none.' })

// They become header values: no control characters, no other alphabets.
const headerText = '^[\\x21-\\x7e]([\\x20-\\x7e]*[\\x21-\\x7e])?$'

const impersonate = Type.Object({
  user: Type.String({ title: 'a name of printable ASCII', pattern: headerText, description: 'The user that the API server then sees.' }),
  groups: Type.Array(Type.String({ title: 'a name of printable ASCII', pattern: headerText }), { default: [], description: 'Its groups.' }),
}, { additionalProperties: false, description: 'The API server then judges this user instead of our own account.' })

const scopeReference = Type.Union([
  Type.String({ pattern: '^[\\s\\S]+$', title: 'the name of a scope' }),
  Type.Object({
    name: Type.String({ description: 'Name of a scope or a ClusterRole.' }),
    namespaces: Type.Optional(Type.Array(Type.String({ pattern: '^[\\s\\S]+$', title: 'a name or a * glob' }), { description: 'Narrows the scope to these.' })),
  }, { additionalProperties: false, description: 'The long form.' }),
], { title: 'the name of a scope, or { name, namespaces }' })

export const callerSchema = Type.Object({
  name: Type.String({ title: 'a name of letters, digits and . _ : @ -', pattern: '^[A-Za-z0-9][A-Za-z0-9._:@-]{0,252}$', description: 'Who this is, in logs and in the audit.' }),
  description: Type.Optional(Type.String({ description: 'For people.' })),
  scopes: Type.Array(scopeReference, { default: [], description: 'Scopes it holds.' }),
  clusters: Type.Optional(Type.Array(Type.String(), { description: 'Clusters it may use; default: every one.' })),
  rules: Type.Array(ruleSchema, { default: [], description: 'Rules of its own, beside its scopes.' }),
  keys: Type.Array(keySchema, { default: [], description: 'Its keys; several while one replaces another.' }),
  discovery: Type.Boolean({ default: true, description: 'Whether it may read API discovery without a rule.' }),
  limits,
  allowedFrom: Type.Optional(Type.Array(Type.String(), { description: 'Source CIDRs; default: from anywhere.' })),
  impersonate: Type.Optional(impersonate),
  ...identityFields,
}, { additionalProperties: false, description: 'A tool that may use the proxy.' })

/** One document of a callers file, from afar: its entries are held against their own schemas. */
export const documentSchema = Type.Object({
  scopes: Type.Array(Type.Unknown(), { default: [], description: 'Scopes: rules under a name.' }),
  callers: Type.Array(Type.Unknown(), { default: [], description: 'Callers.' }),
}, { additionalProperties: false, description: 'Callers, their keys and their scopes.' })

/** The same in full, for editors. */
export const callersFileSchema = Type.Union([
  Type.Object({
    scopes: Type.Array(Type.Union([scopeSchema, clusterRoleSchema]), { default: [], description: 'Scopes: rules under a name.' }),
    callers: Type.Array(callerSchema, { default: [], description: 'Callers.' }),
  }, { additionalProperties: false, description: 'Callers, their keys and their scopes.' }),
  clusterRoleSchema,
], { description: 'Portcullis: a callers file.' })

export type WrittenRule = Static<typeof ruleSchema>
export type WrittenCaller = Static<typeof callerSchema>
export type WrittenKey = Static<typeof keySchema>
