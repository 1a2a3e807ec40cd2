import type { Answer, Call } from './answer.ts'
import { json } from './answer.ts'
import { mediaType, objectBody } from './body.ts'
import type { JsonObject } from './json.ts'
import { object } from './json.ts'
import type { Message } from './protobuf.ts'
import { readMessage, unwrapped } from './protobuf.ts'
import { groupVersion } from './resource-type.ts'
import { badRequest } from './status.ts'
import type { Target } from './target.ts'

/** Whom the sample's one token stands for. */
const account = 'system:serviceaccount:portcullis:portcullis'
const accountGroups = ['system:serviceaccounts', 'system:serviceaccounts:portcullis', 'system:authenticated']

/** Answers a self-review, or undefined when the target is none. Whoever holds the token may do everything. */
export function reviewAnswer(call: Call, { type }: Target): Answer | undefined {
  const status = statusOf(type.kind, call)
  if (status === undefined || call.method !== 'POST') return undefined
  const spec = specOf(call, type.kind)
  return json(201, { kind: type.kind, apiVersion: groupVersion(type), metadata: { creationTimestamp: null }, ...(spec && { spec }), status })
}

function statusOf(kind: string, { headers }: Call): JsonObject | undefined {
  switch (kind) {
    case 'SelfSubjectReview': {
      const user = headers['impersonate-user']
      const groups = headers['impersonate-group']?.split(', ') ?? []
      return { userInfo: user === undefined ? { username: account, groups: accountGroups } : { username: user, groups: [...groups, 'system:authenticated'] } }
    }
    case 'SelfSubjectAccessReview':
      return { allowed: true, reason: 'the token of the sample cluster may do everything' }
    case 'SelfSubjectRulesReview':
      return {
        resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
        nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
        incomplete: false,
      }
    default:
      return undefined
  }
}

/** kubectl and oc send reviews as protobuf, but take JSON for an answer. */
function specOf(call: Call, kind: string): JsonObject | undefined {
  if (mediaType(call) !== 'application/vnd.kubernetes.protobuf') return object(objectBody(call), 'spec')
  if (kind !== 'SelfSubjectAccessReview') return undefined
  try {
    return accessSpec(readMessage(unwrapped(call.body).get(2) ?? Buffer.alloc(0)))
  } catch (error) {
    throw badRequest(`the object provided is unrecognized: ${error instanceof Error ? error.message : 'it cannot be parsed'}`)
  }
}

/** SelfSubjectAccessReviewSpec and its two kinds of attributes, as authorization/v1 numbers their fields. */
function accessSpec(spec: Message): JsonObject {
  const resource = spec.get(1)
  const nonResource = spec.get(2)
  return {
    ...(resource && { resourceAttributes: strings(resource, ['namespace', 'verb', 'group', 'version', 'resource', 'subresource', 'name']) }),
    ...(nonResource && { nonResourceAttributes: strings(nonResource, ['path', 'verb']) }),
  }
}

function strings(bytes: Buffer, names: readonly string[]): JsonObject {
  const message = readMessage(bytes)
  const given = names.map((name, place): [string, string] => [name, message.get(place + 1)?.toString() ?? ''])
  return Object.fromEntries(given.filter(([, value]) => value !== ''))
}
