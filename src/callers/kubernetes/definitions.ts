import { stringify } from 'yaml'
import { callerSchema, scopeSchema } from '../schema.ts'
import { group, version, type Plural } from './names.ts'
import { toStructural, type Structural } from './structural.ts'

interface Column {
  readonly name: string
  readonly type: 'string' | 'integer' | 'date'
  readonly description: string
  readonly jsonPath: string
  /** Shown by `-o wide` alone. */
  readonly priority?: 1
}

interface Kind {
  readonly plural: Plural
  readonly singular: string
  readonly kind: string
  readonly description: string
  readonly spec: Structural
  readonly status: Structural
  readonly columns: readonly Column[]
}

const ready: Column = { name: 'Ready', type: 'string', description: 'Whether all of it is in force.', jsonPath: '.status.conditions[?(@.type=="Ready")].status' }
const why: Column = { name: 'Message', type: 'string', description: 'What keeps it from being in force.', jsonPath: '.status.conditions[?(@.type=="Ready")].message', priority: 1 }
const age: Column = { name: 'Age', type: 'date', description: 'When it was made.', jsonPath: '.metadata.creationTimestamp' }

const text = (description: string, maxLength = 4096): Structural => ({ type: 'string', description, maxLength })
const time = (description: string): Structural => ({ type: 'string', format: 'date-time', description })
const count = (description: string): Structural => ({ type: 'integer', format: 'int64', description })

const condition: Structural = {
  type: 'object',
  required: ['type', 'status', 'lastTransitionTime', 'reason', 'message'],
  properties: {
    type: text('Ready: all of the object is in force.', 316),
    status: { type: 'string', enum: ['True', 'False', 'Unknown'], description: 'Whether it is so.' },
    observedGeneration: count('The generation that this was found of.'),
    lastTransitionTime: time('When the status last changed.'),
    reason: text('In one word.', 1024),
    message: text('For people.', 32768),
  },
}

const common: Readonly<Record<string, Structural>> = {
  observedGeneration: count('The generation that the proxies read last.'),
  conditions: {
    type: 'array', maxItems: 8, description: 'What the proxies made of it.',
    'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'], items: condition,
  },
  faults: {
    type: 'array', maxItems: 100, 'x-kubernetes-list-type': 'atomic', items: text('One fault, with its place.', 1024),
    description: 'What is wrong with it; the last good state stays in force, except for keys that were revoked or taken out.',
  },
}

const callerStatus: Structural = {
  type: 'object',
  description: 'What the proxies write; not to be edited.',
  properties: {
    ...common,
    scopes: text('Names of its scopes, for people.'),
    activeKeys: count('Keys that were neither revoked nor at their end when this was written.'),
    lastUsedTime: time('When a request of this caller came last, to a minute or two.'),
    keys: {
      type: 'array', maxItems: 1000, description: 'When each key was used last.',
      'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['id'],
      items: { type: 'object', required: ['id'], properties: { id: text('The public part of the key.', 64), lastUsedTime: time('To a minute or two.') } },
    },
  },
}

const scopeStatus: Structural = {
  type: 'object',
  description: 'What the proxies write; not to be edited.',
  properties: { ...common, rules: count('How many rules it has.'), callers: count('How many callers hold it, to a minute or two.') },
}

/** Of a Caller's spec. */
export const callerSpec = withoutName(callerSchema)

const kinds: readonly Kind[] = [
  {
    plural: 'callers', singular: 'caller', kind: 'Caller',
    description: 'A tool that may use the proxy. Its name is that of the object.',
    spec: callerSpec, status: callerStatus,
    columns: [
      ready,
      { name: 'Scopes', type: 'string', description: 'Scopes that it holds.', jsonPath: '.status.scopes' },
      { name: 'Keys', type: 'integer', description: 'Keys that are neither revoked nor at their end.', jsonPath: '.status.activeKeys' },
      { name: 'Last Used', type: 'date', description: 'When a request of it came last.', jsonPath: '.status.lastUsedTime' },
      age, why,
    ],
  },
  {
    plural: 'scopes', singular: 'scope', kind: 'Scope',
    description: 'Rules under a name, which callers hold. Its name is that of the object.',
    spec: withoutName(scopeSchema), status: scopeStatus,
    columns: [
      ready,
      { name: 'Rules', type: 'integer', description: 'How many rules it has.', jsonPath: '.status.rules' },
      { name: 'Callers', type: 'integer', description: 'How many callers hold it.', jsonPath: '.status.callers' },
      age, why,
    ],
  },
]

function withoutName(schema: typeof callerSchema | typeof scopeSchema): Structural {
  const { name: _, ...properties } = schema.properties
  return toStructural({ ...schema, properties, required: schema.required?.filter(field => field !== 'name') })
}

function definitionOf({ plural, singular, kind, description, spec, status, columns }: Kind): object {
  const openAPIV3Schema = {
    type: 'object', description, required: ['spec'],
    properties: {
      apiVersion: { type: 'string', description: 'Version of this schema.' }, kind: { type: 'string', description: `${kind}.` },
      metadata: { type: 'object' }, spec, status,
    },
  }
  return {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `${plural}.${group}` },
    spec: {
      group, scope: 'Namespaced', names: { plural, singular, kind, listKind: `${kind}List`, categories: ['portcullis'] },
      versions: [{
        name: version, served: true, storage: true, subresources: { status: {} },
        additionalPrinterColumns: columns, schema: { openAPIV3Schema },
      }],
    },
  }
}

/** The CustomResourceDefinitions, made from the schemas of the callers files; by the name of their file in `helm/portcullis/crds/`. */
export function definitionFiles(): Readonly<Record<string, string>> {
  return Object.fromEntries(kinds.map(kind => [
    `${kind.plural}.yaml`,
    `# Made from src/callers/schema.ts by npm run schemas.\n${stringify(definitionOf(kind), { lineWidth: 0, aliasDuplicateObjects: false })}`,
  ]))
}
