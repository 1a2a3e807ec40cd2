import type { PolicyRuleConfig } from './config.ts'

/** Whether an audit rule matches every request of everybody, so that those behind it never count. */
export function isCatchAll({ callers, groups, verbs, resources, namespaces, nonResourceURLs, codes }: PolicyRuleConfig): boolean {
  return [callers, groups, verbs, resources, namespaces, nonResourceURLs, codes].every(list => list === undefined || list.length === 0)
}

/** What an audit rule matches, in words: `verbs get, list; resources pods, leases.coordination.k8s.io`. */
export function ruleTextOf(rule: PolicyRuleConfig): string {
  if (isCatchAll(rule)) return 'everything'
  const { callers, groups, verbs, namespaces, nonResourceURLs, codes } = rule
  const resources = rule.resources?.flatMap(({ group, resources, resourceNames }) => {
    const names = (resources.length === 0 ? ['*'] : resources).map(resource => group === '' ? resource : `${resource}.${group}`)
    return resourceNames.length === 0 ? names : names.map(name => `${name} (${resourceNames.join(', ')})`)
  })
  return Object.entries({ callers, groups, verbs, resources, namespaces, nonResourceURLs, codes })
    .filter(([, words]) => words !== undefined && words.length > 0)
    .map(([name, words]) => `${name} ${words?.map(word => word === '' ? '""' : word).join(', ')}`)
    .join('; ')
}
