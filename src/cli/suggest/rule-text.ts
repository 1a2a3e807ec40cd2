import { yamlScalar } from '../../authorize/quoted.ts'
import type { Rule } from '../../model/caller.ts'

const order = ['apiGroups', 'resources', 'resourceNames', 'nonResourceURLs', 'verbs', 'namespaces', 'acknowledge'] as const

/** Columns beyond which a rule takes a line for each of its lists. */
const widest = 140

/** A rule as an item of a YAML list, on one line. Lists that are empty are left out. */
export function ruleLine(rule: Rule): string {
  return `- { ${fieldsOf(rule).join(', ')} }`
}

/** The same in lines, as short as they can be. */
export function ruleLines(rule: Rule): string[] {
  const line = ruleLine(rule)
  if (line.length <= widest) return [line]
  return fieldsOf(rule).map((field, index) => `${index === 0 ? '- ' : '  '}${field}`)
}

function fieldsOf(rule: Rule): string[] {
  // A rule about paths has no namespaces to speak of.
  const empty = (field: typeof order[number]) => rule[field].length === 0 || (field === 'namespaces' && rule.resources.length === 0) || (field === 'apiGroups' && rule.resources.length === 0)
  return order.filter(field => !empty(field)).map(field => `${field}: [${rule[field].map(yamlScalar).join(', ')}]`)
}
