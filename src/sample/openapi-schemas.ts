import type { Json, JsonObject } from './json.ts'
import { mergeKeysOf } from './merge-keys.ts'
import type { ResourceType } from './resource-type.ts'
import { definitions } from './schemas.ts'

/** `io.k8s.api.core.v1.Pod`, `com.github.openshift.api.route.v1.Route`, `com.example.v1.Widget`. */
export function schemaName(type: Pick<ResourceType, 'group' | 'version' | 'kind'>): string {
  const { group, version, kind } = type
  if (group.endsWith('.openshift.io')) return `com.github.openshift.api.${group.split('.')[0] ?? ''}.${version}.${kind}`
  if (group === 'apiextensions.k8s.io') return `io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.${version}.${kind}`
  if (group !== '' && group.includes('.') && !group.endsWith('.k8s.io')) return `${group.split('.').reverse().join('.')}.${version}.${kind}`
  return `io.k8s.api.${group.split('.')[0] || 'core'}.${version}.${kind}`
}

function nameOf(definition: string): string {
  const group = definitions[definition]?.group
  if (definition === 'ObjectMeta') return 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'
  return schemaName({ group: group ?? (definition.startsWith('Deployment') ? 'apps' : ''), version: 'v1', kind: definition })
}

/** The schemas that a group version needs, by name: those of its kinds and what they refer to. */
export function schemasFor(types: readonly ResourceType[], refs: string): JsonObject {
  const schemas: JsonObject = {}
  for (const type of types) {
    const name = schemaName(type)
    const schema = type.schema === undefined ? {} : customSchema(type.schema, refs)
    if (type.custom || definitions[type.kind] === undefined) schemas[name] = { type: 'object', ...schema }
    else addDefinition(schemas, type.kind, refs, name)
    const gvk = { group: type.group, kind: type.kind, version: type.version }
    schemas[name] = { ...schemas[name] as JsonObject, 'x-kubernetes-group-version-kind': [gvk] }
    addDefinition(schemas, 'ObjectMeta', refs)
  }
  return schemas
}

/** A definition's schema says nothing of the members that every object has. */
function customSchema(schema: JsonObject, refs: string): JsonObject {
  const properties = schema.properties as JsonObject | undefined
  const common = {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { allOf: [{ $ref: `${refs}${nameOf('ObjectMeta')}` }] },
  }
  return { ...schema, properties: { ...properties, ...common } }
}

function addDefinition(schemas: JsonObject, definition: string, refs: string, name = nameOf(definition)): void {
  const found = definitions[definition]
  if (found === undefined || schemas[name] !== undefined) return
  const properties: JsonObject = {}
  schemas[name] = { description: found.description, type: 'object', properties }
  for (const [field, notation] of Object.entries(found.fields)) {
    properties[field] = propertySchema(field, notation, refs)
    addDefinition(schemas, notation.replace(/[[\]]/g, ''), refs)
  }
}

function propertySchema(field: string, notation: string, refs: string): Json {
  if (!notation.startsWith('[')) return valueSchema(notation, refs)
  const items = valueSchema(notation.slice(1, -1), refs)
  const probe = { name: '', containerPort: 0, port: 0, protocol: '', mountPath: '', devicePath: '', ip: '', uid: '', type: '', topologyKey: '', whenUnsatisfiable: '' }
  const { containerPort: _port, ...servicePort } = probe
  const keys = mergeKeysOf(field, [notation === '[ServicePort]' ? servicePort : probe])
  return {
    type: 'array',
    items,
    ...(keys === undefined ? { 'x-kubernetes-list-type': 'atomic' } : {
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': [...keys],
      'x-kubernetes-patch-merge-key': keys[0] ?? '',
      'x-kubernetes-patch-strategy': 'merge',
    }),
  }
}

function valueSchema(notation: string, refs: string): Json {
  switch (notation) {
    case 'string':
    case 'boolean':
      return { type: notation }
    case 'integer':
      return { type: 'integer', format: 'int64' }
    case 'int-or-string':
      return { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] }
    case 'strings':
      return { type: 'object', additionalProperties: { type: 'string' } }
    case 'any':
      return { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
    default:
      // OpenAPI 3 wraps a reference so that a description can stand beside it; Swagger 2 has no allOf here.
      return refs.startsWith('#/components/') ? { allOf: [{ $ref: `${refs}${nameOf(notation)}` }] } : { $ref: `${refs}${nameOf(notation)}` }
  }
}
