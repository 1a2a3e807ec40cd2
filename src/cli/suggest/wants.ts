import { askedBy, createsToo } from '../../authorize/asked.ts'
import { isDiscovery } from '../../authorize/discovery.ts'
import { routesOf } from '../../authorize/guard.ts'
import { askedFor } from '../../authorize/impersonation.ts'
import type { Attributes } from '../../model/attributes.ts'
import type { CallerDefinition, GuardRoute } from '../../model/caller.ts'
import type { ClusterFacts } from '../../model/verdict.ts'
import { redacted } from '../../redaction/redact.ts'
import { isNamespace } from '../rbac/reach.ts'
import type { Observed } from './observed.ts'
import { acknowledgedBy, type Today } from './today.ts'

/** What a rule has to say for a request, as it is judged: not only its own verb and object. */
export interface Want {
  /** In order; more than one where one alone allows nothing (an apply needs `create` beside `patch`). */
  readonly verbs: readonly string[]
  readonly asked: Attributes
  /** Guarded routes that it opens, and that a rule of today acknowledges. */
  readonly acknowledge: readonly GuardRoute[]
  /** Those that none does: without them no rule allows it. */
  readonly closed: readonly GuardRoute[]
}

/** None for what needs no rule. */
export function wantsOf(observed: Observed, definition: CallerDefinition | undefined, today: Today): Want[] {
  const facts = today.facts(observed.cluster)
  const asked = askedBy({ ...observed, cluster: facts })
  return [...impersonationWants(observed, definition), ...needsNoRule(asked, definition) ? [] : [mainWant(asked, observed, definition, facts)]]
}

function needsNoRule(asked: Attributes, definition: CallerDefinition | undefined): boolean {
  return (definition?.discovery ?? true) && isDiscovery(asked)
}

function mainWant(asked: Attributes, observed: Observed, definition: CallerDefinition | undefined, facts: ClusterFacts): Want {
  const verbs = createsToo(asked, observed.contentType) === undefined ? [asked.verb] : ['create', asked.verb]
  const upstream = definition?.impersonate !== undefined
  // What the cluster was known to guard then, and what can be told from here.
  const recorded = observed.routes.filter(route => route !== 'impersonate' || asked.verb === 'impersonate')
  const routes = [...new Set([...recorded, ...verbs.flatMap(verb => routesOf({ ...asked, verb }, facts, upstream))])]
  const acknowledge = acknowledgedBy(definition, asked, verbs, routes)
  return { verbs, asked, acknowledge: acknowledge.sort(), closed: routes.filter(route => !acknowledge.includes(route)) }
}

/** Of its own headers; a caller whose entry has `impersonate` sends none, and of one that is unknown nobody can tell. */
function impersonationWants({ impersonation }: Observed, definition: CallerDefinition | undefined): Want[] {
  if (impersonation === undefined || definition === undefined || definition.impersonate !== undefined) return []
  return askedFor(impersonation).map((asked) => {
    const acknowledge = acknowledgedBy(definition, asked, ['impersonate'], ['impersonate'])
    return { verbs: ['impersonate'], asked, acknowledge, closed: acknowledge.length === 0 ? ['impersonate'] : [] }
  })
}

/** Why no rule can say this without saying more; undefined where one can. */
export function whyUnsaid({ asked, closed }: Want): string | undefined {
  const { apiGroup, resource, subresource, namespace, path } = asked
  if (closed.length > 0) return `guarded by ${closed.join(', ')}, which no rule of today acknowledges for it`
  if ([apiGroup, resource, subresource, namespace, path].some(text => text.includes('*'))) return 'a * in the URL, which in a rule would stand for everything'
  if (path.includes(redacted)) return 'its path was written without a secret that stood in it'
  if (namespace !== '' && !isNamespace(namespace)) return 'no namespace can have this name'
  return undefined
}
