import type { DocumentKind } from './target.ts'

export type Examined =
  | { readonly cacheable: false }
  /** `settled`: false while upstream itself says that a group's part is out of date. */
  | { readonly cacheable: true, readonly settled: boolean }

/** Of `metav1` and `apidiscovery.k8s.io`; the other documents have no `kind`, but a key of their own. */
const kindsOf: Partial<Record<DocumentKind, readonly string[]>> = {
  groups: ['APIVersions', 'APIGroupList', 'APIGroupDiscoveryList'],
  group: ['APIGroup'],
  resources: ['APIResourceList'],
}

const keyOf: Partial<Record<DocumentKind, string>> = {
  'version': 'gitVersion',
  'openapi-v2': 'swagger',
  'openapi-v3-index': 'paths',
  'openapi-v3': 'openapi',
}

const openapiProtobuf = /^application\/com\.github\.proto-openapi\.spec\.v[23][.@]v1\.0\+protobuf$/

/** Larger OpenAPI documents are not parsed, for that takes tens of milliseconds; an error is never that large. */
const parsedWhole = 256 << 10

/** Whether `content`, decoded, is a document of that kind in a type that the API server writes it in. */
export function looksRight(kind: DocumentKind, contentType: string, content: Buffer): Examined {
  const mediaType = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  switch (mediaType) {
    case 'application/json': return looksRightAsJson(kind, content)
    // The index of OpenAPI v3 alone says it is text (kube-openapi, handler3).
    case 'text/plain': return kind === 'openapi-v3-index' ? looksRightAsJson(kind, content) : no
    case 'application/vnd.kubernetes.protobuf': return looksRightAsProtobuf(kind, content)
    default: return openapiProtobuf.test(mediaType) && isOpenapi(kind) && content.length > 0 ? settled : no
  }
}

const no: Examined = { cacheable: false }
const settled: Examined = { cacheable: true, settled: true }

function isOpenapi(kind: DocumentKind): boolean {
  return kind === 'openapi-v2' || kind === 'openapi-v3'
}

function looksRightAsJson(kind: DocumentKind, content: Buffer): Examined {
  if (isOpenapi(kind) && content.length > parsedWhole) {
    return content.subarray(0, 4096).includes(`"${keyOf[kind]}"`) && endsObject(content) ? settled : no
  }
  const document = parsed(content)
  if (document === undefined) return no
  const kinds = kindsOf[kind]
  const right = kinds === undefined ? keyOf[kind] !== undefined && keyOf[kind] in document : kinds.includes(String(document['kind']))
  return right ? { cacheable: true, settled: !hasStaleGroup(document) } : no
}

function endsObject(content: Buffer): boolean {
  return content.subarray(-64).toString('latin1').trimEnd().endsWith('}')
}

function parsed(content: Buffer): Record<string, unknown> | undefined {
  try {
    const document: unknown = JSON.parse(content.toString())
    return isObject(document) ? document : undefined
  } catch {
    return undefined
  }
}

/** An aggregated API server that does not answer leaves its group's last known part there, marked so. */
function hasStaleGroup(document: Record<string, unknown>): boolean {
  return listOf(document['items']).some((group) =>
    listOf(group['versions']).some((version) => version['freshness'] === 'Stale'))
}

function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** apidiscovery.v2 `APIVersionDiscovery.freshness`, field 3: its tag, length and text. */
const staleField = Buffer.from('\x1a\x05Stale', 'latin1')

function looksRightAsProtobuf(kind: DocumentKind, content: Buffer): Examined {
  const right = kindsOf[kind]?.includes(kindInProtobuf(content) ?? '') ?? false
  return right ? { cacheable: true, settled: !content.includes(staleField) } : no
}

const magic = Buffer.from('k8s\0', 'latin1')

/**
 * The envelope around every object (apimachinery, runtime.Unknown): field 1 is a
 * TypeMeta, whose field 2 is the kind. Both are shorter than 128 bytes.
 */
function kindInProtobuf(content: Buffer): string | undefined {
  if (!content.subarray(0, 4).equals(magic) || content[4] !== 0x0a) return undefined
  const end = 6 + (content[5] ?? 0)
  for (let at = 6; at < end; at += 2 + (content[at + 1] ?? 0)) {
    if (content[at] === 0x12) return content.toString('utf8', at + 2, at + 2 + (content[at + 1] ?? 0))
  }
  return undefined
}
