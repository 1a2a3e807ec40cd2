import { createHash } from 'node:crypto'
import type { Answer, Call } from './answer.ts'
import { json, pageNotFound } from './answer.ts'
import type { Json, JsonObject } from './json.ts'
import { negotiateDiscovery } from './negotiate.ts'
import type { ResourceType, ResourceTypes, Subresource } from './resource-type.ts'
import { groupVersion } from './resource-type.ts'

const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

/** Upper-case hex of SHA-512, as the API server writes the tags of its documents. */
export function tagOf(document: string): string {
  return createHash('sha512').update(document).digest('hex').toUpperCase()
}

/** Answers `/api`, `/apis`, `/oapi` and the documents below them; undefined for any other path. */
export function discover(call: Call, types: ResourceTypes, address: string): Answer | undefined {
  const [, prefix = '', group, version, ...rest] = call.path.replace(/\/$/, '').split('/')
  if (rest.length > 0) return undefined
  const all = types.all()
  if (prefix === 'apis') return discoverGroups(call, all, group, version)
  if ((prefix !== 'api' && prefix !== 'oapi') || version !== undefined) return undefined
  if (group === undefined) {
    if (prefix === 'api' && negotiateDiscovery(call.headers.accept) === 'aggregated') return aggregated(call, all, 'api')
    return json(200, apiVersions(address))
  }
  return resourceList(all.filter((type) => type.prefix === prefix && type.version === group))
}

function discoverGroups(call: Call, all: readonly ResourceType[], group?: string, version?: string): Answer {
  const grouped = all.filter((type) => type.prefix === 'apis')
  if (group === undefined) {
    if (negotiateDiscovery(call.headers.accept) === 'aggregated') return aggregated(call, all, 'apis')
    const groups = namesOf(grouped).map((name) => apiGroup(grouped, name))
    return json(200, { kind: 'APIGroupList', apiVersion: 'v1', groups })
  }
  const members = grouped.filter((type) => type.group === group)
  if (members.length === 0) return pageNotFound
  if (version === undefined) return json(200, { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(grouped, group) })
  return resourceList(members.filter((type) => type.version === version))
}

function apiVersions(address: string): Json {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
  }
}

function namesOf(types: readonly ResourceType[]): string[] {
  return [...new Set(types.map((type) => type.group))]
}

function versionsOf(types: readonly ResourceType[], group: string): string[] {
  return [...new Set(types.filter((type) => type.group === group).map((type) => type.version))]
}

function apiGroup(types: readonly ResourceType[], name: string): JsonObject {
  const versions = versionsOf(types, name).map((version) => ({ groupVersion: `${name}/${version}`, version }))
  return { name, versions, preferredVersion: versions[0] ?? {} }
}

function resourceList(types: readonly ResourceType[]): Answer {
  const [first] = types
  if (first === undefined) return pageNotFound
  return json(200, {
    kind: 'APIResourceList',
    ...(first.group !== '' && { apiVersion: 'v1' }),
    groupVersion: groupVersion(first),
    resources: types.flatMap((type) => [resourceEntry(type), ...type.subresources.map((each) => subresourceEntry(type, each))]),
  })
}

function resourceEntry(type: ResourceType): JsonObject {
  return {
    name: type.resource,
    singularName: type.singular,
    namespaced: type.namespaced,
    kind: type.kind,
    verbs: [...type.verbs],
    ...(type.shortNames.length > 0 && { shortNames: [...type.shortNames] }),
    ...(type.categories.length > 0 && { categories: [...type.categories] }),
  }
}

function subresourceEntry(type: ResourceType, { name, kind, group, version, verbs }: Subresource): JsonObject {
  return {
    name: `${type.resource}/${name}`,
    singularName: '',
    namespaced: type.namespaced,
    ...(group !== undefined && { group }),
    ...(version !== undefined && { version }),
    kind,
    verbs: [...verbs],
  }
}

function aggregated(call: Call, all: readonly ResourceType[], prefix: 'api' | 'apis'): Answer {
  const types = all.filter((type) => type.prefix === prefix)
  const items = namesOf(types).map((name) => ({
    metadata: name === '' ? {} : { name },
    versions: versionsOf(types, name).map((version) => ({
      version,
      resources: types.filter((type) => type.group === name && type.version === version).map(aggregatedResource),
      freshness: 'Current',
    })),
  }))
  const document = { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items }
  const etag = `"${tagOf(JSON.stringify(document))}"`
  const headers = { 'cache-control': 'public', etag, vary: 'Accept' }
  if (call.headers['if-none-match'] === etag) return { status: 304, headers, body: '' }
  return json(200, document, { ...headers, 'content-type': aggregatedType })
}

function aggregatedResource(type: ResourceType): JsonObject {
  // Built-in resources answer for many kinds of client and leave group and version to the surroundings.
  const own = type.custom ? { group: type.group, version: type.version } : { group: '', version: '' }
  return {
    resource: type.resource,
    responseKind: { ...own, kind: type.kind },
    scope: type.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: type.singular,
    verbs: [...type.verbs],
    ...(type.shortNames.length > 0 && { shortNames: [...type.shortNames] }),
    ...(type.categories.length > 0 && { categories: [...type.categories] }),
    ...(type.subresources.length > 0 && {
      subresources: type.subresources.map(({ name, kind, group, version, verbs }) => ({
        subresource: name,
        responseKind: { group: group ?? own.group, version: version ?? own.version, kind },
        verbs: [...verbs],
      })),
    }),
  }
}
