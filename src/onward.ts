import { STATUS_CODES } from 'node:http'
import type { CachedAnswer } from './cache/answer.ts'
import type { Forward } from './forward/forward.ts'
import { callerHeaders } from './headers/response.ts'
import { clusterPrefix } from './headers/prefix.ts'
import type { Admitted } from './model/admitted.ts'
import { isWrite } from './model/attributes.ts'
import type { Exchange } from './model/exchange.ts'

export interface OnwardOptions {
  /** Undefined: not a discovery document, or not one that may be shared. */
  readonly discovery: (admitted: Admitted) => Promise<CachedAnswer> | undefined
  readonly forward: Forward
  /** Called after the API server accepted a change of what it serves. */
  readonly onApiChanged: (cluster: string) => void
  /** Our `Authorization` towards a cluster, which must not come back. */
  readonly authorization: (cluster: string) => string | undefined
}

/** Where an admitted request goes: to the cache of discovery documents, else up. */
export function createOnward({ discovery, forward, onApiChanged, authorization }: OnwardOptions) {
  return function onward(admitted: Admitted, exchange: Exchange): Promise<void> {
    const answer = discovery(admitted)
    if (answer !== undefined) return answer.then(answer => send(answer, admitted, exchange, authorization(admitted.cluster)))
    if (changesApi(admitted)) {
      exchange.trail.onFinish(({ status }) => { if (status >= 200 && status < 300) onApiChanged(admitted.cluster) })
    }
    return forward(admitted, exchange)
  }
}

function send(answer: CachedAnswer, admitted: Admitted, { reply, trail }: Exchange, authorization: string | undefined): void {
  trail.note({ cache: answer.cache })
  if (reply.closed || reply.started) return
  reply.head(answer.status, STATUS_CODES[answer.status] ?? '', callerHeaders(answer.headers, {
    auditId: admitted.arrival.auditId,
    prefix: clusterPrefix(admitted.resolved.cluster),
    authorization,
  }))
  if (answer.body === undefined || answer.body.length === 0) reply.end()
  else reply.end(answer.body)
}

/** Writes after which the API server serves other resources than before. */
function changesApi({ resolved: { attributes } }: Admitted): boolean {
  if (!isWrite(attributes.verb)) return false
  return (attributes.apiGroup === 'apiextensions.k8s.io' && attributes.resource === 'customresourcedefinitions')
    || (attributes.apiGroup === 'apiregistration.k8s.io' && attributes.resource === 'apiservices')
}
