import { headerValue } from '../headers/read.ts'
import { isApply } from '../model/attributes.ts'
import { redactSecrets } from '../redaction/redact.ts'
import type { Moment } from './event.ts'
import { sessionAnnotations } from './session.ts'

/** What we know beside the API server's own fields; values are strings, keys in order, as Go prints a map. Free of what is `known` to be secret. */
export function annotationsOf(moment: Moment, known: readonly string[]): Record<string, string> {
  const { arrival, facts, outcome, at, bodies } = moment
  const { verdict, shadow } = facts
  const annotations: Record<string, string> = {}
  const put = (key: string, value: string | number | null | undefined) => {
    if (value !== undefined && value !== null && value !== '') annotations[key] = String(value)
  }
  // As the API server's own truncating backend says it.
  if (bodies?.truncated === true) put('audit.k8s.io/truncated', 'true')
  if (verdict !== undefined) {
    put('authorization.k8s.io/decision', verdict.allowed ? 'allow' : 'forbid')
    put('authorization.k8s.io/reason', redactSecrets(verdict.reason))
  }
  const session = sessionAnnotations(moment, known)
  if (outcome !== undefined) put('portcullis.dev/bytes-in', facts.received?.bytes)
  put('portcullis.dev/bytes-out', outcome?.bytesOut)
  put('portcullis.dev/cache', facts.cache)
  // Not part of `user`: whoever showed this id did not prove to hold its key.
  if (facts.caller === undefined) put('portcullis.dev/claimed-key-id', facts.claimedKeyId)
  put('portcullis.dev/cluster', facts.cluster)
  put('portcullis.dev/code', outcome?.refusal?.code)
  if (outcome !== undefined) put('portcullis.dev/duration-ms', Math.max(0, Math.round(at - arrival.receivedAt)))
  put('portcullis.dev/ending', endingOf(moment))
  put('portcullis.dev/guard-routes', facts.guarded?.join(','))
  put('portcullis.dev/omitted-stages', moment.omittedEnds?.join(','))
  put('portcullis.dev/request-form', formOf(moment))
  put('portcullis.dev/request-object', omitted(bodies?.omitted.request))
  put('portcullis.dev/response-object', omitted(bodies?.omitted.response))
  put('portcullis.dev/scope', verdict?.rule?.scope)
  if (shadow !== undefined) {
    put('portcullis.dev/shadow-decision', 'forbid')
    put('portcullis.dev/shadow-reason', redactSecrets(shadow.reason))
    put('portcullis.dev/shadow-scope', shadow.scopes.join(','))
  }
  return session === undefined ? annotations : sorted({ ...annotations, ...session })
}

function sorted(annotations: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).sort(([one], [other]) => one < other ? -1 : 1))
}

function omitted(why: string | undefined): string | undefined {
  return why === undefined ? undefined : `left out: ${why}`
}

/** A short answer that came through whole says nothing; a stream, or anything cut off, says how it ended. */
function endingOf({ outcome, stream }: Moment): string | undefined {
  return stream || outcome?.ending !== 'complete' ? outcome?.ending : undefined
}

/** What decides how a request is judged and stands nowhere else in its event: whoever replays a log needs it. */
function formOf({ arrival, facts }: Moment): string | undefined {
  const attributes = facts.resolved?.attributes
  if (attributes?.isResourceRequest !== true) return undefined
  const applies = attributes.verb === 'patch' && isApply(headerValue(arrival.rawHeaders, 'content-type') ?? '')
  return [...arrival.upgrade ? ['upgrade'] : [], ...applies ? ['apply'] : []].join(',')
}
