import { refusalCodes } from '../errors.ts'
import { Type } from '../files/shape.ts'
import { anyTexts, choice, section, texts } from './fields.ts'

const stage = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const

export function stages(about: { readonly description: string, readonly default?: readonly (typeof stage)[number][] }) {
  return Type.Array(choice(stage, { description: 'A stage of audit.k8s.io/v1.' }), about)
}

const level = choice(['None', 'Metadata', 'Request', 'RequestResponse'], {
  description: 'What is written of a request that this rule matches: nothing; who did what, when and how it went; with the body that was sent; with the body that was answered as well.',
})

/** As GroupResources of `audit.k8s.io/v1`. */
const groupResources = section({
  group: Type.String({ default: '', description: 'API group; empty for the core group, * for every group.' }),
  resources: texts({ default: [], description: 'Resources as in pods, pods/log, pods/*, */scale; empty: all of the group.' }),
  resourceNames: texts({ default: [], description: 'Names of objects; empty: all. Objects within a list that a rule names by these are written at its level, too.' }),
}, { description: 'Resources of one API group.' })

const verbs = Type.Optional(texts({ description: 'Verbs; empty or missing: all.' }))
const resources = Type.Optional(Type.Array(groupResources, { description: 'Empty or missing: everything, non-resource paths too.' }))
const namespaces = Type.Optional(anyTexts({ description: 'Namespaces, "" for cluster-scoped requests; empty or missing: all.' }))
const nonResourceURLs = Type.Optional(texts({ description: 'Paths of no resource, as /metrics or /healthz*; empty or missing: all.' }))
const omitStages = Type.Optional(stages({ description: 'Stages that no event of such a request is written of, beside those of all.' }))
const omitManagedFields = Type.Optional(Type.Boolean({ description: 'Whether managedFields are left out of the bodies; default: true.' }))

export const policyRule = section({
  level,
  callers: Type.Optional(anyTexts({ description: 'Names of callers, "" for requests that nobody authenticated; empty or missing: all.' })),
  verbs,
  resources,
  namespaces,
  nonResourceURLs,
  codes: Type.Optional(Type.Array(Type.Union([
    Type.Integer({ minimum: 100, maximum: 599 }),
    choice(['0', '1xx', '2xx', '3xx', '4xx', '5xx', ...refusalCodes], { description: 'A class of them, or the code of a refusal.' }),
  ], {
    title: 'an HTTP status, 2xx to 5xx, or the code of a refusal', description: 'How the request ended; "0": the caller left before there was an answer.',
  }), { description: 'Empty or missing: all. A rule with codes is judged at the end.' })),
  omitStages,
  omitManagedFields,
  recordSessions: Type.Optional(Type.Boolean({ description: 'Record what is typed and shown in exec and attach.' })),
}, { description: 'The first rule that matches decides; a field that is empty or missing matches all.' })

/** The Policy file of an API server (`--audit-policy-file`), of which `metadata` says nothing. */
export const policyFileSchema = section({
  apiVersion: choice(['audit.k8s.io/v1'], { description: 'Its version.' }),
  kind: choice(['Policy'], { description: 'Its kind.' }),
  metadata: Type.Optional(Type.Record({ description: 'Not read.' })),
  rules: Type.Array(section({
    level,
    users: Type.Optional(anyTexts({ description: 'Names of callers, system:anonymous for nobody.' })),
    userGroups: Type.Optional(texts({ description: 'system:authenticated or system:unauthenticated; callers are in no other.' })),
    verbs,
    resources,
    namespaces,
    nonResourceURLs,
    omitStages,
    omitManagedFields,
  }, { description: 'The first rule that matches decides.' }), { minItems: 1, description: 'None for what no rule matches.' }),
  omitStages: stages({ default: [], description: 'Stages that no event is written of.' }),
  omitManagedFields: Type.Optional(Type.Boolean({ description: 'Whether managedFields are left out of the bodies; default: true.' })),
}, { description: 'A Policy of audit.k8s.io/v1.' })
