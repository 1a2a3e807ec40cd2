import type { Answer, Call } from './answer.ts'
import { json } from './answer.ts'
import { objectBody } from './body.ts'
import type { JsonObject } from './json.ts'
import { groupVersion } from './resource-type.ts'
import type { Target } from './target.ts'

/** Answers a self-review, or undefined when the target is none. Whoever is let in may do everything. */
export function reviewAnswer(call: Call, { type }: Target): Answer | undefined {
  const status = statusOf(type.kind, call)
  if (status === undefined || call.method !== 'POST') return undefined
  const { spec } = objectBody(call)
  const metadata = { creationTimestamp: null }
  // kubectl and oc send reviews as protobuf, but take JSON for an answer.
  return json(201, { kind: type.kind, apiVersion: groupVersion(type), metadata, ...(spec !== undefined && { spec }), status })
}

function statusOf(kind: string, { user, headers }: Call): JsonObject | undefined {
  switch (kind) {
    case 'SelfSubjectReview': {
      const impersonated = headers['impersonate-user']
      const groups = impersonated === undefined ? accountGroups(user) : headers['impersonate-group']?.split(', ') ?? []
      return { userInfo: { username: impersonated ?? user, groups: [...groups, 'system:authenticated'] } }
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

/** Of a service account; nobody else has any here. */
function accountGroups(user: string): string[] {
  const [, namespace] = /^system:serviceaccount:([^:]+):[^:]+$/.exec(user) ?? []
  return namespace === undefined ? [] : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`]
}
