import type { Json, JsonObject } from './json.ts'
import type { ResourceType } from './resource-type.ts'

/** An answer of the API that is a failure: thrown where it is found, sent as a `metav1.Status`. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: number
  readonly reason: string
  readonly details: JsonObject | undefined

  constructor(code: number, reason: string, message: string, details?: JsonObject) {
    super(message)
    this.code = code
    this.reason = reason
    this.details = details
  }

  toStatus(): JsonObject {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(this.details && { details: this.details }),
      code: this.code,
    }
  }
}

function details(type: ResourceType, name?: string): JsonObject {
  return { ...(name && { name }), ...(type.group && { group: type.group }), kind: type.resource }
}

/** `pods`, `deployments.apps`: how messages name a resource. */
export function qualified(type: ResourceType): string {
  return type.group === '' ? type.resource : `${type.resource}.${type.group}`
}

export function notFound(type: ResourceType, name: string): ApiError {
  return new ApiError(404, 'NotFound', `${qualified(type)} "${name}" not found`, details(type, name))
}

export function alreadyExists(type: ResourceType, name: string): ApiError {
  return new ApiError(409, 'AlreadyExists', `${qualified(type)} "${name}" already exists`, details(type, name))
}

export function conflict(type: ResourceType, name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(type)} "${name}": ${why}`
  return new ApiError(409, 'Conflict', message, details(type, name))
}

export function invalid(type: ResourceType, name: string, field: string, why: string): ApiError {
  const message = `${type.kind}${type.group && `.${type.group}`} "${name}" is invalid: ${field}: ${why}`
  const causes: Json[] = [{ reason: 'FieldValueInvalid', message: why, field }]
  return new ApiError(422, 'Invalid', message, { name, ...(type.group && { group: type.group }), kind: type.kind, causes })
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, 'BadRequest', message)
}

export function expired(message: string): ApiError {
  return new ApiError(410, 'Expired', message)
}

export function methodNotAllowed(): ApiError {
  return new ApiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {})
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`
  return new ApiError(415, 'UnsupportedMediaType', message)
}

/** The answer to a deletion that left nothing behind. */
export function deleted(type: ResourceType, name: string, uid: string): JsonObject {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { ...details(type, name), uid },
  }
}
