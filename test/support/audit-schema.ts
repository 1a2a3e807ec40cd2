import { Ajv } from 'ajv'
import type { ValidateFunction } from 'ajv'

const text = { type: 'string' }
const texts = { type: 'array', items: text }
const map = (value: object) => ({ type: 'object', additionalProperties: value })
const closed = (required: string[], properties: object) => ({ type: 'object', required, properties, additionalProperties: false })

const userInfo = closed([], { username: text, uid: text, groups: texts, extra: map(texts) })
const microTime = { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z$' }

/** `meta/v1`. */
const statusDetails = closed([], {
  name: text, group: text, kind: text, uid: text, retryAfterSeconds: { type: 'integer' },
  causes: { type: 'array', items: closed([], { reason: text, message: text, field: text }) },
})
/** runtime.Unknown: an object, or the list of steps that a JSON Patch is. */
const anything = { type: ['object', 'array'] }

/** Field names and types of `audit.k8s.io/v1` Event (k8s.io/apiserver pkg/apis/audit/v1/types.go) and what it consists of. */
const event = closed(
  ['kind', 'apiVersion', 'level', 'auditID', 'stage', 'requestURI', 'verb', 'user', 'requestReceivedTimestamp', 'stageTimestamp'],
  {
    kind: { const: 'Event' },
    apiVersion: { const: 'audit.k8s.io/v1' },
    level: { enum: ['Metadata', 'Request', 'RequestResponse'] },
    auditID: { type: 'string', minLength: 1 },
    stage: { enum: ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] },
    requestURI: text,
    verb: text,
    user: userInfo,
    impersonatedUser: userInfo,
    authenticationMetadata: closed([], { impersonationConstraint: text }),
    sourceIPs: texts,
    userAgent: text,
    objectRef: closed([], {
      resource: text, namespace: text, name: text, uid: text, apiGroup: text, apiVersion: text, resourceVersion: text, subresource: text,
    }),
    responseStatus: closed(['metadata'], {
      metadata: closed([], {}), status: { enum: ['Success', 'Failure'] }, message: text, reason: text, details: statusDetails,
      code: { type: 'integer', minimum: 100, maximum: 599 },
    }),
    requestObject: anything,
    responseObject: anything,
    requestReceivedTimestamp: microTime,
    stageTimestamp: microTime,
    annotations: map(text),
  },
)

const validate: ValidateFunction = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(event)

/** What a Kubernetes API server's own types have against this event; empty when nothing. */
export function faultsOfEvent(event: unknown): string[] {
  return validate(event) ? [] : (validate.errors ?? []).map(error => `${error.instancePath} ${error.message}`)
}
