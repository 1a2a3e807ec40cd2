import type { Attributes } from '../model/attributes.ts'
import type { CallerDefinition, GuardRoute } from '../model/caller.ts'
import type { Impersonation } from '../model/verdict.ts'
import type { Access } from './access.ts'
import { listField, ruleLine, withCure } from './cure.ts'
import { explainRefusal } from './nearest.ts'

const routes: readonly GuardRoute[] = ['impersonate']

/**
 * Why the caller's own `Impersonate-*` headers are refused; undefined where they are not.
 * Each thing they ask for is judged as the API server's impersonation filter does, by
 * rules with verb `impersonate`, which here must also acknowledge the route: upstream it
 * is our account that impersonates, and nobody would ask about the caller.
 */
export function refuseImpersonation(
  definition: CallerDefinition, access: Access, impersonation: Impersonation,
): string | undefined {
  if (definition.impersonate !== undefined) return 'a caller that is impersonated by its definition may not impersonate others'
  if (impersonation.user === undefined || impersonation.user === '') {
    return 'Impersonate-Group, -Uid and -Extra need an Impersonate-User'
  }
  const all = askedFor(impersonation)
  for (const asked of all) {
    const match = access.find(asked, routes)
    if (match?.allowed === true) continue
    if (match === undefined) return withCure(explainRefusal(definition.name, definition.grants, asked), lineFor(asked, all, access), ', if it is meant')
    // The rule has no need of the header's value, which may be anything, a secret even: it is not repeated.
    return withCure(`Impersonate headers need acknowledge on the rule that allows them (${match.text})`, listField('acknowledge', [...match.rule.acknowledge, ...routes]), ' there, if it is meant')
  }
  return undefined
}

/** Of all that is refused, what one rule can say without saying more: names of one resource. */
function lineFor(refused: Attributes, all: readonly Attributes[], access: Access): string | undefined {
  const alike = all.filter(asked => asked.resource === refused.resource && asked.subresource === refused.subresource)
  const names = alike.filter(asked => access.find(asked, routes)?.allowed !== true).map(({ name }) => name)
  return ruleLine({ asked: refused, verbs: ['impersonate'], names: [...new Set(names)], acknowledge: routes })
}

/** What each part of it asks for. pkg/endpoints/filters/impersonation: users, service accounts, groups, uids and userextras. */
export function askedFor({ user = '', groups, uid, extra }: Impersonation): Attributes[] {
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user)
  const asked = account === null
    ? [impersonate({ resource: 'users', name: user })]
    : [impersonate({ resource: 'serviceaccounts', namespace: account[1] ?? '', name: account[2] ?? '' })]
  for (const group of groups) asked.push(impersonate({ resource: 'groups', name: group }))
  for (const [key, values] of Object.entries(extra)) {
    for (const value of values) asked.push(impersonate({ ...authentication, resource: 'userextras', subresource: key, name: value }))
  }
  if (uid !== undefined && uid !== '') asked.push(impersonate({ ...authentication, resource: 'uids', name: uid }))
  return asked
}

const authentication = { apiGroup: 'authentication.k8s.io' }

function impersonate(of: Partial<Attributes>): Attributes {
  return {
    isResourceRequest: true, path: '', verb: 'impersonate', apiPrefix: '', apiGroup: '', apiVersion: '',
    namespace: '', resource: '', subresource: '', name: '',
    ...of,
  }
}
