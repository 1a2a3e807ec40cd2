import type { Answer, Call } from './answer.ts'
import { json } from './answer.ts'
import { objectBody } from './body.ts'
import type { JsonObject } from './json.ts'
import { at, list, text } from './json.ts'
import { read } from './reads.ts'
import { failed } from './router.ts'
import { ApiError, badRequest, methodNotAllowed } from './status.ts'
import { readTarget } from './target.ts'
import { issuer, type Tokens } from './tokens.ts'
import type { World } from './world.ts'
import { timestamp } from './world.ts'

/** In seconds, as the API server has them. */
const defaultLifetime = 3600
const shortestLifetime = 600

export interface TokenRequestsOptions {
  readonly tokens: Tokens
  /** Milliseconds; longer ones are made shorter. */
  readonly longest: number
}

/** Answers what is asked of `serviceaccounts/token`; undefined for any other path. */
export function tokenRequestAnswer(world: World, call: Call, options: TokenRequestsOptions): Promise<Answer> | undefined {
  if (!/^\/api\/v1\/namespaces\/[^/]+\/serviceaccounts\/[^/]+\/token\/?$/.test(call.path)) return undefined
  return mint(world, call, options).catch(failed)
}

async function mint(world: World, call: Call, { tokens, longest }: TokenRequestsOptions): Promise<Answer> {
  const target = readTarget(call.path, world.types)
  if (target === undefined || call.method !== 'POST') throw methodNotAllowed()
  const { audiences, seconds } = asked(objectBody(call))
  const { token, expiresAt } = await tokens.mint(read(world, target), audiences, Math.min(seconds * 1000, longest))
  const { namespace, name } = target
  return json(201, {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace, creationTimestamp: timestamp(world) },
    spec: { audiences, expirationSeconds: seconds, boundObjectRef: null },
    status: { token, expirationTimestamp: timestamp({ clock: () => expiresAt }) },
  })
}

function asked(body: JsonObject): { audiences: string[]; seconds: number } {
  if (text(body, 'kind') !== 'TokenRequest') throw badRequest(`the object provided is unrecognized: expected TokenRequest, got ${text(body, 'kind')}`)
  const audiences = list(body, 'spec', 'audiences').map(String)
  const seconds = Number(at(body, 'spec', 'expirationSeconds') ?? defaultLifetime)
  if (!(seconds >= shortestLifetime)) {
    throw new ApiError(422, 'Invalid', `TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: ${seconds}: may not specify a duration less than 10 minutes`)
  }
  return { audiences: audiences.length === 0 ? [issuer] : audiences, seconds }
}
