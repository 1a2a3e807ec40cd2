import { group } from '../../callers/kubernetes/names.ts'
import type { Config } from '../../config/config.ts'
import { permissionsOf } from '../../rbac/permission.ts'
import type { Need } from './needs.ts'

/** What `serve` needs where its callers are kept: to follow them, and to write what became of them. Commands that change callers need `create` and `update` beside it, and an account of their own. */
export function storeNeeds({ callers }: Pick<Config, 'callers'>, cluster: string): Need[] {
  if (callers.kind === 'file' || callers.cluster !== cluster) return []
  const rules = [
    { apiGroups: [group], resources: ['callers', 'scopes'], verbs: ['list', 'watch'] },
    { apiGroups: [group], resources: ['callers/status', 'scopes/status'], verbs: ['patch'] },
  ]
  return rules.flatMap(permissionsOf).map(permission => ({ permission, at: { kind: 'namespace', name: callers.namespace } }))
}
