import { isWrite } from '../../model/attributes.ts'
import type { GuardRoute } from '../../model/caller.ts'
import type { Account } from '../../model/verdict.ts'
import { Permissions, type Permission } from '../../rbac/permission.ts'
import type { Needs } from './needs.ts'

export interface HeadFacts {
  readonly cluster: string
  readonly account: Account
  /** Whether the account was named, or is known from the credential. */
  readonly accountIsKnown: boolean
}

/** What a reader of the manifests should know: lines for the top of the file. */
export function headOf({ cluster, account, accountIsKnown }: HeadFacts, found: Needs): string[] {
  return [
    `Printed by portcullis rbac: the least that the account ${account.namespace}/${account.name} needs on cluster ${cluster} to serve ${count(found.callers, 'caller')}.`,
    ...accountIsKnown ? [] : ['The config does not say which account that is: --service-account NAMESPACE/NAME names another one.'],
    ...impersonationLines(found),
    ...found.unmatched.map(globs => `No namespace that was named matches ${globs}: nothing is granted for it.`),
    ...wildcardLines(found),
    ...refusedLines(found),
    ...grantingLines(found),
  ]
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

function impersonationLines({ impersonated }: Needs): string[] {
  if (impersonated.length === 0) return []
  return [`The API server itself judges ${impersonated.join(', ')}: what they may do is for their own roles to say, and is not in here.`]
}

function wildcardLines({ needs }: Needs): string[] {
  const wild = needs.some(({ permission }) => permission.verb === '*' || (permission.kind === 'resource' && (permission.resource === '*' || permission.group === '*')))
  return wild ? ['Wildcards are granted whole, also what the guard of Portcullis refuses of them: name what is needed in the scopes.'] : []
}

/** What another rule opens all the same is not left out. */
function refusedLines({ refused, needs }: Needs): string[] {
  const granted = new Permissions(needs.map(({ permission }) => permission))
  const lines = new Map<string, Set<string>>()
  for (const one of refused.filter(({ permission }) => !granted.cover(permission))) {
    const key = `${one.scope === null ? 'rules of callers' : `scope ${one.scope}`} (lacks acknowledge: [${one.routes.join(', ')}])`
    lines.set(key, (lines.get(key) ?? new Set()).add(wordsOf(one.permission)))
  }
  if (lines.size === 0) return []
  return ['Left out, as the guard refuses it:', ...[...lines].sort(([a], [b]) => a < b ? -1 : 1).map(([where, what]) => `  ${where}: ${[...what].sort().join(', ')}`)]
}

function wordsOf(permission: Permission): string {
  if (permission.kind === 'url') return `${permission.verb} ${permission.url}`
  const [resource = '', ...rest] = permission.resource.split('/')
  const type = `${resource}${permission.group === '' ? '' : `.${permission.group}`}`
  return `${permission.verb} ${[type, ...rest].join('/')}${permission.name === null ? '' : ` ${permission.name}`}`
}

const granting: readonly [GuardRoute, string, RegExp][] = [
  ['grant-role', 'To write roles and bindings an account must also hold what they grant, or the verbs escalate and bind on the roles: which ones, no scope says.', /^(?:cluster)?role(?:binding)?s$/],
  ['sign-certificate', 'To approve or sign certificates an account must also hold the verb approve or sign on signers: which ones, no scope says.', /^certificatesigningrequests\//],
]

/** The API server asks our account for more than the request says; which more depends on the objects. */
function grantingLines({ needs }: Needs): string[] {
  const writes = needs.flatMap(({ permission }) => permission.kind === 'resource' && isWrite(permission.verb) ? [permission.resource] : [])
  return granting.filter(([, , form]) => writes.some(resource => form.test(resource))).map(([, line]) => line)
}
