/** One verb on one resource (`pods/log`), of one object or, with null, of any; or one verb on a path. `*` as in RBAC. */
export type Permission =
  | { readonly kind: 'resource', readonly verb: string, readonly group: string, readonly resource: string, readonly name: string | null }
  | { readonly kind: 'url', readonly verb: string, readonly url: string }

/** A rule as manifests and SelfSubjectRulesReviews have it; what is missing is an empty list. */
export interface PolicyRule {
  readonly verbs: readonly string[]
  readonly apiGroups?: readonly string[] | undefined
  readonly resources?: readonly string[] | undefined
  readonly resourceNames?: readonly string[] | undefined
  readonly nonResourceURLs?: readonly string[] | undefined
}

/** All that a rule allows, piece by piece. An empty word in it stands for nothing that a request could be. */
export function permissionsOf(rule: PolicyRule): Permission[] {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule
  const names = resourceNames.length === 0 ? [null] : resourceNames.filter(name => name !== '')
  return verbs.filter(verb => verb !== '').flatMap((verb): Permission[] => [
    ...apiGroups.flatMap(group => resources.filter(resource => resource !== '').flatMap(resource =>
      names.map((name): Permission => ({ kind: 'resource', verb, group, resource, name })))),
    // Trailing stars say the same as one.
    ...nonResourceURLs.map((url): Permission => ({ kind: 'url', verb, url: url.replace(/(?<!\*)\*+$/, '*') })),
  ])
}

export function keyOf(permission: Permission): string {
  return permission.kind === 'url'
    ? JSON.stringify([permission.verb, permission.url])
    : JSON.stringify([permission.verb, permission.group, permission.resource, permission.name])
}

/** Permissions to be asked whether they allow another one: RBAC's own matching (pkg/apis/rbac/v1/evaluation_helpers.go). */
export class Permissions {
  readonly #keys: ReadonlySet<string>
  readonly #urls: readonly (Permission & { kind: 'url' })[]

  constructor(permissions: readonly Permission[]) {
    this.#keys = new Set(permissions.map(keyOf))
    this.#urls = permissions.filter(permission => permission.kind === 'url')
  }

  /** Whether one of them allows all of `permission`, wildcards and all. */
  cover(permission: Permission): boolean {
    return this.#keys.has(keyOf(permission)) || this.coverByAnother(permission)
  }

  /** The same, `permission` itself left out. */
  coverByAnother(permission: Permission): boolean {
    const own = keyOf(permission)
    if (permission.kind === 'resource') return generalizations(permission).some(wider => wider !== own && this.#keys.has(wider))
    return this.#urls.some(other => keyOf(other) !== own && isOneOf(permission.verb, other.verb) && urlCovers(other.url, permission.url))
  }
}

function isOneOf(value: string, allowed: string): boolean {
  return allowed === '*' || allowed === value
}

function urlCovers(allowed: string, url: string): boolean {
  return allowed === url || (allowed.endsWith('*') && url.startsWith(allowed.slice(0, -1)))
}

/** Every permission that allows it, itself among them. `*` is every resource and subresource, a star before a slash that subresource of all. */
function generalizations({ verb, group, resource, name }: Permission & { kind: 'resource' }): string[] {
  const slash = resource.indexOf('/')
  const resources = slash === -1 ? [resource, '*'] : [resource, `*${resource.slice(slash)}`, '*']
  return [verb, '*'].flatMap(verb => [group, '*'].flatMap(group => resources.flatMap(resource =>
    [name, null].map(name => keyOf({ kind: 'resource', verb, group, resource, name })))))
}
