import type { Finding, Path } from '../files/fault.ts'

/** A rule of our policy or of a Policy file, as it is written. */
interface WrittenRule {
  readonly resources?: readonly { readonly resources: readonly string[], readonly resourceNames: readonly string[] }[]
  readonly namespaces?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
  readonly codes?: readonly unknown[]
  readonly recordSessions?: boolean
}

/** What the API server would not take of a rule (k8s.io/apiserver pkg/apis/audit/validation), and what of ours goes not together. */
export function policyRuleFaults(rule: WrittenRule, at: Path): Finding[] {
  const { resources = [], namespaces = [], nonResourceURLs = [], codes = [], recordSessions = false } = rule
  const found: Finding[] = []
  const say = (path: Path, message: string) => found.push({ path: [...at, ...path], message })
  if (nonResourceURLs.length > 0 && (resources.length > 0 || namespaces.length > 0)) {
    say(['nonResourceURLs'], 'cannot stand beside resources or namespaces: make it two rules')
  }
  for (const [index, url] of nonResourceURLs.entries()) {
    if (url !== '*' && !/^\/[^*]*\*?$/.test(url)) say(['nonResourceURLs', index], 'must begin with / and have * only at its end')
  }
  for (const [index, { resources: names, resourceNames }] of resources.entries()) {
    if (resourceNames.length > 0 && names.length === 0) say(['resources', index, 'resourceNames'], 'needs resources: of what are these the names?')
  }
  if (recordSessions && codes.length > 0) say(['recordSessions'], 'cannot stand beside codes: a session has none before it is over')
  return found
}
