import type { Attributes } from '../model/attributes.ts'
import type { Caller, CallerDefinition, GuardRoute } from '../model/caller.ts'
import type { ClusterFacts, DenialCode, MatchedRule, Question, Verdict } from '../model/verdict.ts'
import { accessOf, type Access, type Match } from './access.ts'
import { askedBy, createsToo } from './asked.ts'
import { describeRequest } from './describe.ts'
import { isDiscovery } from './discovery.ts'
import { reasonFor } from './guard-table.ts'
import { routesOf } from './guard.ts'
import { refuseImpersonation } from './impersonation.ts'
import { explainRefusal } from './nearest.ts'

const discovery: Verdict = { allowed: true, code: null, rule: null, reason: 'API discovery is allowed to every caller' }

/** One thing asked for, and what the rules say of it. */
interface Finding {
  readonly asked: Attributes
  readonly routes: readonly GuardRoute[]
  readonly match: Match | undefined
}

type Unacknowledged = Extract<Match, { acknowledged: false }>

/**
 * The stop: whether a caller may, by its scopes and rules and past the guard. Scopes are
 * compiled when first asked about; a verdict then costs about the same for any number of
 * callers and rules, and its order in the files decides nothing.
 */
export function createAuthorize(): (caller: Caller, question: Question) => Verdict {
  return ({ definition }, question) => {
    const access = accessOf(definition)
    if (question.impersonation !== undefined) {
      const refusal = refuseImpersonation(definition, access, question.impersonation)
      if (refusal !== undefined) return deny('ImpersonationDenied', null, refusal)
    }
    return judge(definition, access, question)
  }
}

/** Both verbs are looked up before the guard speaks: `ScopeDenied` comes before `EscalationDenied`. */
function judge(definition: CallerDefinition, access: Access, question: Question): Verdict {
  const asked = askedBy(question)
  const first = look(definition, access, question, asked)
  if (first.match === undefined) {
    if (definition.discovery && isDiscovery(asked)) return discovery
    return deny('ScopeDenied', null, explainRefusal(definition.name, access.grants, asked))
  }
  const why = createsToo(asked, question.contentType)
  const second = why === undefined ? undefined : look(definition, access, question, { ...asked, verb: 'create' })
  if (second !== undefined && second.match === undefined) {
    return deny('ScopeDenied', ruleOf(first.match), `${explainRefusal(definition.name, access.grants, second.asked)} (${why})`)
  }
  if (!first.match.acknowledged) return deny('EscalationDenied', first.match.rule, closedBy(definition, question.cluster, first, first.match))
  const { rule } = first.match.verdict
  if (second?.match?.acknowledged === false) return deny('EscalationDenied', rule, closedBy(definition, question.cluster, second, second.match))
  return first.match.verdict
}

function look(definition: CallerDefinition, access: Access, question: Question, asked: Attributes): Finding {
  const routes = routesOf(asked, question.cluster, definition.impersonate !== undefined)
  return { asked, routes, match: access.find(asked, routes) }
}

/** Which routes the guard keeps closed, why, and the line that would open them. */
function closedBy({ name }: CallerDefinition, cluster: ClusterFacts, { asked, routes }: Finding, { rule, text }: Unacknowledged): string {
  const missing = routes.filter(route => !rule.acknowledge.includes(route))
  const why = missing.map(route => `route ${route} (${reasonFor(route, cluster)})`).join(' and ')
  return `caller "${name}" may not ${describeRequest(asked)}: guarded by ${why}; `
    + `if it is meant, the rule that allows it (${text}) needs acknowledge: [${[...rule.acknowledge, ...missing].join(', ')}]`
}

function ruleOf(match: Match): MatchedRule | null {
  return match.acknowledged ? match.verdict.rule : match.rule
}

function deny(code: DenialCode, rule: MatchedRule | null, reason: string): Verdict {
  return { allowed: false, code, rule, reason }
}
