import { createAuthorize } from '../authorize/authorize.ts'
import { mayUseCluster, refuseCluster } from '../authorize/source.ts'
import { ProxyError } from '../errors.ts'
import type { Attributes, Resolved } from '../model/attributes.ts'
import type { CallerDefinition } from '../model/caller.ts'
import type { ClusterFacts, MatchedRule, Question } from '../model/verdict.ts'
import { isKnownMethod, refuseMethod, resolveTarget } from '../resolve/resolve.ts'

/** What the configuration says, as far as judging needs it. Unknown names give undefined. */
export interface Known {
  findCaller(name: string): CallerDefinition | undefined
  /** Undefined name: the default cluster. */
  clusterFacts(name: string | undefined): ClusterFacts | undefined
}

/** Called once, and only where a caller is named. Rejects with an Error whose message lists the faults. */
export type Load = () => Promise<Known> | Known

/** One request to be explained; a JSON line holds one. */
export interface ExplainRequest {
  readonly method: string
  readonly url: string
  readonly caller?: string | undefined
  readonly upgrade?: boolean | undefined
  readonly contentType?: string | undefined
  readonly cluster?: string | undefined
}

/** A verdict that may also be a refusal before there are rules to be asked. */
export interface ExplainedVerdict {
  readonly allowed: boolean
  readonly code: string | null
  readonly rule: MatchedRule | null
  readonly reason: string
}

export interface Explanation {
  readonly attributes: Attributes | null
  readonly verdict: ExplainedVerdict | null
}

export type Explain = (request: ExplainRequest) => Promise<Explanation>

const authorize = createAuthorize()

/** Judges as admit does and in its order, without a key. An unknown caller rejects. */
export function createExplain(load: Load): Explain {
  let known: Promise<Known> | undefined
  return async (request) => {
    const reading = read(request)
    const attributes = reading instanceof ProxyError ? null : reading.attributes
    if (request.caller === undefined) return { attributes, verdict: null }
    known ??= Promise.resolve(load())
    return { attributes, verdict: judge(request, reading, await known) }
  }
}

/** Of a caller by its name; throws for one that is unknown. */
export function findCaller(known: Known, name: string): CallerDefinition {
  const caller = known.findCaller(name)
  if (caller === undefined) throw new Error(`there is no caller ${JSON.stringify(name)}`)
  return caller
}

/** The verdict on a question, behind the check of the cluster, which the asker may have named. */
export function judgeIn(
  definition: CallerDefinition, cluster: ClusterFacts | undefined, question: Omit<Question, 'cluster' | 'impersonation'>, named?: string,
): ExplainedVerdict {
  if (cluster === undefined || !mayUseCluster(definition, cluster.name)) {
    return refusal(new ProxyError('ClusterDenied', refuseCluster(definition, named)), null)
  }
  const caller = { definition, credentialId: '', expiresAt: undefined }
  return authorize(caller, { ...question, impersonation: undefined, cluster })
}

/** A method that is refused is judged all the same: the rule it would have had is part of the explanation. */
function judge(request: ExplainRequest, reading: Resolved | ProxyError, known: Known): ExplainedVerdict {
  const definition = findCaller(known, request.caller ?? '')
  const method = isKnownMethod(request.method) ? undefined : refuseMethod(request.method)
  if (reading instanceof ProxyError) return refusal(method ?? reading, null)
  const { upgrade = false, contentType } = request
  const named = reading.cluster ?? request.cluster
  const verdict = judgeIn(definition, known.clusterFacts(named), { attributes: reading.attributes, upgrade, contentType }, named)
  return method === undefined ? verdict : refusal(method, verdict.rule)
}

function refusal({ code, message }: ProxyError, rule: MatchedRule | null): ExplainedVerdict {
  return { allowed: false, code, rule, reason: message }
}

function read({ method, url }: ExplainRequest): Resolved | ProxyError {
  try {
    return resolveTarget(method, url)
  } catch (error) {
    if (error instanceof ProxyError) return error
    throw error
  }
}
