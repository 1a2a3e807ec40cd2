import type { Answer, Call } from './answer.ts'
import { uncached } from './answer.ts'
import { tagOf } from './discovery.ts'
import type { Json, JsonObject } from './json.ts'
import { schemaName, schemasFor } from './openapi-schemas.ts'
import type { ResourceType, ResourceTypes } from './resource-type.ts'
import { groupVersion } from './resource-type.ts'
import { ApiError } from './status.ts'

const info = { title: 'Kubernetes', version: 'v1.36.0-sample' }

/** Answers `/openapi/v2` and `/openapi/v3` with what is below; undefined for any other path. */
export function openApi(call: Call, types: ResourceTypes): Answer | undefined {
  if (call.path === '/openapi/v2') return swagger(call, types)
  if (call.path === '/openapi/v3') return index(types)
  if (!call.path.startsWith('/openapi/v3/')) return undefined
  const path = call.path.slice('/openapi/v3/'.length)
  const document = documents(types).get(path)
  return document && v3Document(call, path, document)
}

interface Document {
  readonly text: string
  readonly tag: string
}

/** Made anew only when the served resources change. */
const made = new WeakMap<ResourceTypes, { readonly edition: number; readonly byPath: ReadonlyMap<string, Document> }>()

function documents(types: ResourceTypes): ReadonlyMap<string, Document> {
  const known = made.get(types)
  if (known?.edition === types.edition) return known.byPath
  const byPath = new Map<string, Document>()
  for (const [path, members] of byGroupVersion(types.all())) {
    const paths = Object.assign({}, ...members.map((type) => pathsOf(type))) as JsonObject
    const schemas = schemasFor(members, '#/components/schemas/')
    const text = JSON.stringify({ openapi: '3.0.0', info, paths, components: { schemas } })
    byPath.set(path, { text, tag: tagOf(text) })
  }
  made.set(types, { edition: types.edition, byPath })
  return byPath
}

function byGroupVersion(all: readonly ResourceType[]): Map<string, ResourceType[]> {
  const groups = new Map<string, ResourceType[]>()
  for (const type of all) {
    const path = `${type.prefix}/${groupVersion(type)}`
    groups.set(path, [...groups.get(path) ?? [], type])
  }
  return groups
}

function index(types: ResourceTypes): Answer {
  const entries = [...documents(types)].map(([path, { tag }]) =>
    [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${tag}` }])
  return {
    status: 200,
    headers: { ...uncached, 'content-type': 'text/plain; charset=utf-8', 'accept-ranges': 'bytes' },
    body: `${JSON.stringify({ paths: Object.fromEntries(entries) as JsonObject })}\n`,
  }
}

/** With its hash a document never changes; with another one the caller is sent to the one there is. */
function v3Document(call: Call, path: string, { text, tag }: Document): Answer {
  const hash = call.query.get('hash')
  const headers = { ...uncached, etag: `"${tag}"`, vary: 'Accept' }
  if (hash !== null && hash !== tag) {
    return { status: 301, headers: { ...headers, location: `/openapi/v3/${path}?hash=${tag}` }, body: '' }
  }
  const caching = hash === null ? {} : { 'cache-control': 'public, immutable' }
  return conditional(call, { status: 200, headers: { ...headers, ...caching, 'content-type': 'application/json' }, body: text })
}

function conditional(call: Call, answer: Answer): Answer {
  if (call.headers['if-none-match'] !== answer.headers.etag) return answer
  const { 'content-type': _type, ...headers } = answer.headers
  return { status: 304, headers, body: '' }
}

/** Swagger 2 is served as JSON alone, though old clients would rather have protobuf. */
function swagger(call: Call, types: ResourceTypes): Answer {
  const accept = call.headers.accept ?? '*/*'
  if (!/application\/(json|\*)|\*\/\*/.test(accept)) throw new ApiError(406, 'NotAcceptable', 'only the following media types are accepted: application/json')
  const text = JSON.stringify({ swagger: '2.0', info, paths: {}, definitions: schemasFor(types.all(), '#/definitions/') })
  const headers = { ...uncached, 'content-type': 'application/json', etag: `"${tagOf(text)}"`, vary: 'Accept-Encoding, Accept' }
  return conditional(call, { status: 200, headers, body: text })
}

const writeParameters = ['dryRun', 'fieldManager', 'fieldValidation'].map((name): Json =>
  ({ name, in: 'query', schema: { type: 'string', uniqueItems: true } }))

/** From these kubectl learns that it may send a strategic merge patch. */
function patchTypes({ custom }: ResourceType): string[] {
  const strategic = custom ? [] : ['application/strategic-merge-patch+json']
  return ['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json', ...strategic]
}

function pathsOf(type: ResourceType): JsonObject {
  const base = `/${type.prefix}/${groupVersion(type)}`
  const collection = `${base}/${type.namespaced ? 'namespaces/{namespace}/' : ''}${type.resource}`
  const operation = (action: string, parameters: readonly Json[] = []): JsonObject => ({
    operationId: `${action}${type.prefix}${groupVersion(type)}${type.resource}`.replace(/[^A-Za-z0-9]/g, ''),
    ...(parameters.length > 0 && { parameters: [...parameters] }),
    responses: { 200: { description: 'OK', content: { 'application/json': { schema: { $ref: `#/components/schemas/${schemaName(type)}` } } } } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group: type.group, version: type.version, kind: type.kind },
  })
  return {
    [collection]: { get: operation('list'), post: operation('post', writeParameters) },
    [`${collection}/{name}`]: {
      get: operation('get'),
      put: operation('put', writeParameters),
      delete: operation('delete'),
      patch: {
        ...operation('patch', [...writeParameters, { name: 'force', in: 'query', schema: { type: 'boolean', uniqueItems: true } }]),
        requestBody: { required: true, content: Object.fromEntries(patchTypes(type).map((media) => [media, { schema: { type: 'object' } }])) },
      },
    },
  }
}
