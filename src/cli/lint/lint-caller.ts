import { locateIn } from '../../callers/entries.ts'
import type { Entry, WrittenGrant } from '../../callers/entries.ts'
import type { WrittenCaller } from '../../callers/schema.ts'
import type { Fault } from '../../files/fault.ts'
import { Permissions, permissionsOf } from '../../rbac/permission.ts'

/** What of a caller itself, apart from its rules, is worth a word. */
export function lintCaller(caller: Entry<WrittenCaller>, scopes: readonly Entry<WrittenGrant>[]): Fault[] {
  return [...lintKeys(caller), ...lintDiscovery(caller, scopes)]
}

/** One warning, at the first of them. */
function lintKeys(caller: Entry<WrittenCaller>): Fault[] {
  const { value } = caller
  const endless = value.keys.flatMap((key, index) => key.expiresAt === undefined && key.revokedAt === undefined ? [{ id: key.id, index }] : [])
  const [first, ...others] = endless
  if (first === undefined) return []
  const also = others.length === 0 ? '' : ` (nor have ${others.map(({ id }) => id).join(', ')})`
  const message = `has no end${also}, so that a copy of it is good for ever: give it expiresAt; portcullis key create ${value.name} --expires 90d makes one that ends`
  return [locateIn(caller, ['keys', first.index], message)]
}

function lintDiscovery(caller: Entry<WrittenCaller>, scopes: readonly Entry<WrittenGrant>[]): Fault[] {
  const { value } = caller
  if (value.discovery) return []
  const names = new Set(value.scopes.map(reference => typeof reference === 'string' ? reference : reference.name))
  const rules = [...value.rules, ...scopes.filter(scope => names.has(scope.value.name)).flatMap(scope => scope.value.rules)]
  const granted = new Permissions(rules.flatMap(permissionsOf))
  if (['/api', '/apis'].every(url => granted.cover({ kind: 'url', verb: 'get', url }))) return []
  const message = 'is off: kubectl, oc and most client libraries cannot start without it, and say no more than "unknown"; '
    + 'leave it on, or give the caller a rule with nonResourceURLs: [/api, "/api/*", /apis, "/apis/*"], verbs: [get]'
  return [locateIn(caller, ['discovery'], message)]
}
