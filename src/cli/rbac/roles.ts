import type { Account } from '../../model/verdict.ts'
import { least, toRules } from '../../rbac/least.ts'
import type { RoleManifest, RuleBlock, Subject } from '../../rbac/manifests.ts'
import { permissionsOf, type Permission } from '../../rbac/permission.ts'
import type { Need } from './needs.ts'

/** What Portcullis asks for itself: a watch tells it of new APIs at once, where it would otherwise wait for the ttl of discovery. */
export const ownNeeds: readonly Permission[] = permissionsOf({
  apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: ['list', 'watch'],
}).concat(permissionsOf({ apiGroups: ['apiregistration.k8s.io'], resources: ['apiservices'], verbs: ['list', 'watch'] }))

/** A ClusterRole for what holds everywhere, and a Role for each namespace that needs more. */
export function rolesFor(needs: readonly Need[], account: Account): RoleManifest[] {
  const subject: Subject = { kind: 'ServiceAccount', ...account }
  const wide = least(needs.flatMap(({ permission, at }) => at.kind === 'everywhere' ? [permission] : []))
  const byGlob = least(needs.flatMap(({ permission, at }) => at.kind === 'globs' ? [permission] : []), wide)
  // What globs need reaches everywhere too, so the wider of the two is enough; of equals one is left by now.
  const everywhere = least(wide, byGlob)
  const own = least(ownNeeds, [...everywhere, ...byGlob])
  const blocks = [
    { comment: [], rules: toRules(everywhere) },
    globBlock(needs, byGlob),
    { comment: ['Portcullis itself: it learns at once of new APIs. It works without, too.'], rules: toRules(own) },
  ]
  const names = new Set(needs.flatMap(({ at }) => at.kind === 'namespace' ? [at.name] : []))
  const roles = [...names].sort().map(namespace => roleIn(namespace, needs, [...everywhere, ...byGlob], subject))
  return [{ name: 'portcullis', namespace: undefined, comment: [], blocks, subject }, ...roles]
}

function globBlock(needs: readonly Need[], permissions: readonly Permission[]): RuleBlock {
  const globs = new Set(needs.flatMap(({ at }) => at.kind === 'globs' ? [at.globs.join(' and ')] : []))
  return {
    comment: [
      `For namespaces that match ${[...globs].sort().join(', ')}: RBAC knows no globs, so what follows reaches ALL namespaces.`,
      'Name the namespaces to get a Role for each instead: portcullis rbac --namespace NAME --namespace NAME',
    ],
    rules: toRules(permissions),
  }
}

function roleIn(namespace: string, needs: readonly Need[], beside: readonly Permission[], subject: Subject): RoleManifest {
  const here = needs.flatMap(({ permission, at }) => at.kind === 'namespace' && at.name === namespace ? [permission] : [])
  return { name: `portcullis-${namespace}`, namespace, comment: [], blocks: [{ comment: [], rules: toRules(least(here, beside)) }], subject }
}

/** What the account needs that mints tokens of another. Undefined `bootstrap`: it is not known here whose that is. */
export function bootstrapRole(account: Account, bootstrap: Account | undefined): RoleManifest {
  const { namespace, name } = account
  const rules = [{ apiGroups: [''], resources: ['serviceaccounts/token'], resourceNames: [name], verbs: ['create'] }]
  const comment = ['For the bootstrap credential, which mints the tokens (tokenRequest): all that it needs.']
  if (bootstrap === undefined) {
    comment.push('Whose it is is not known here: bind it yourself, with',
      `kubectl -n ${namespace} create rolebinding portcullis-bootstrap --role=portcullis-bootstrap --serviceaccount=NAMESPACE:NAME (or --user=NAME)`)
  }
  return {
    name: 'portcullis-bootstrap', namespace, comment, blocks: [{ comment: [], rules }],
    subject: bootstrap === undefined ? undefined : { kind: 'ServiceAccount', ...bootstrap },
  }
}
