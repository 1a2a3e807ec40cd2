import type { Caller, GuardRoute } from '../model/caller.ts'
import type { Question, Verdict } from '../model/verdict.ts'
import { askedBy, createsToo } from './asked.ts'
import { routesOf } from './guard.ts'

const none: readonly GuardRoute[] = []

/**
 * The guarded routes that a request opens, or would where the guard refused it: for the record, since they
 * depend on what was known of the cluster then. None, at no cost, where the rule that allows it acknowledges nothing.
 */
export function guardedRoutes({ definition }: Caller, question: Question, verdict: Verdict): readonly GuardRoute[] {
  if (verdict.rule === null || (!verdict.allowed && verdict.code !== 'EscalationDenied')) return none
  const asked = askedBy(question)
  const creates = createsToo(asked, question.contentType) !== undefined
  if (verdict.allowed && verdict.rule.acknowledge.length === 0 && !creates && question.impersonation === undefined) return none
  const routes = (verb: string) => routesOf({ ...asked, verb }, question.cluster, definition.impersonate !== undefined)
  const impersonated = question.impersonation === undefined ? none : ['impersonate' as const]
  return [...new Set([...impersonated, ...routes(asked.verb), ...creates ? routes('create') : none])]
}
