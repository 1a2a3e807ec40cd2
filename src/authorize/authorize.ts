import type { Attributes } from '../model/attributes.ts'
import type { Caller, CallerDefinition, GuardRoute } from '../model/caller.ts'
import type { ClusterFacts, DenialCode, MatchedRule, Question, Verdict } from '../model/verdict.ts'
import { accessOf, type Access, type Match, type Unacknowledged } from './access.ts'
import { askedBy, createsToo } from './asked.ts'
import { ruleLine, withCure } from './cure.ts'
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
  if (first.match === undefined && definition.discovery && isDiscovery(asked)) return discovery
  const why = createsToo(asked, question.contentType)
  const second = why === undefined ? undefined : look(definition, access, question, { ...asked, verb: 'create' })
  if (first.match === undefined) return outOfScope(definition, first, [first, second])
  if (second !== undefined && second.match === undefined) return outOfScope(definition, second, [first, second], why)
  if (!first.match.allowed) return guarded(definition, question.cluster, first, first.match, [first, second])
  if (second?.match?.allowed === false) return guarded(definition, question.cluster, second, second.match, [first, second])
  return first.match
}

function look(definition: CallerDefinition, access: Access, question: Question, asked: Attributes): Finding {
  const routes = routesOf(asked, question.cluster, definition.impersonate !== undefined)
  return { asked, routes, match: access.find(asked, routes) }
}

/** What is asked for, and, where there is one, the create that it needs as well. */
type Findings = readonly [Finding, Finding | undefined]

/** That no rule allows one of them, with the line that allows all that none does, past the guard too. */
function outOfScope({ name, grants }: CallerDefinition, { asked }: Finding, findings: Findings, why?: string): Verdict {
  const message = `${explainRefusal(name, grants, asked)}${why === undefined ? '' : ` (${why})`}`
  const wanting = findings.filter(finding => finding !== undefined && finding.match?.allowed !== true)
  const acknowledge = routesIn(wanting)
  return deny('ScopeDenied', ruleOf(findings[0].match), withCure(message, ruleLine({ asked, verbs: verbsOf(wanting), acknowledge }), acknowledge.length > 0 ? ', if it is meant' : ''))
}

/** Which routes the guard keeps closed, why, and the line that opens them for this request alone. */
function guarded({ name }: CallerDefinition, cluster: ClusterFacts, { asked, routes }: Finding, { rule, text }: Unacknowledged, findings: Findings): Verdict {
  const why = routes.filter(route => !rule.acknowledge.includes(route)).map(route => `route ${route} (${reasonFor(route, cluster)})`).join(' and ')
  const message = `caller "${name}" may not ${describeRequest(asked)}: guarded by ${why}, which the rule that allows it (${text}) does not acknowledge`
  const closed = findings.filter(finding => finding?.match?.allowed === false)
  return deny('EscalationDenied', ruleOf(findings[0].match), withCure(message, ruleLine({ asked, verbs: verbsOf(closed), acknowledge: routesIn(closed) }), ', if it is meant'))
}

function verbsOf(findings: readonly (Finding | undefined)[]): string[] {
  return findings.flatMap(finding => finding?.asked.verb ?? [])
}

function routesIn(findings: readonly (Finding | undefined)[]): GuardRoute[] {
  return [...new Set(findings.flatMap(finding => finding?.routes ?? []))]
}

function ruleOf(match: Match | undefined): MatchedRule | null {
  return match?.rule ?? null
}

function deny(code: DenialCode, rule: MatchedRule | null, reason: string): Verdict {
  return { allowed: false, code, rule, reason }
}
