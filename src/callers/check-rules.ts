import type { Path } from '../files/fault.ts'
import { soundItems } from './entries.ts'
import type { Entry } from './entries.ts'
import type { Report } from './report.ts'
import type { WrittenRule } from './schema.ts'

// A label of RFC 1123, with * for any run of characters.
const namespaceGlob = /^[a-z0-9*]([a-z0-9*-]*[a-z0-9*])?$/
const longestNamespace = 63

/** Faults and warnings of rules at a path of an entry. A ClusterRole's rules have no namespaces of their own. */
export function checkRules(entry: Entry<unknown>, path: Path, rules: readonly WrittenRule[], clusterRole: boolean, report: Report): void {
  for (const [index, rule] of soundItems(entry, path, rules)) {
    const at = [...path, index]
    if (!clusterRole) checkRuleNamespaces(entry, at, rule, report)
    const nothing = whyNothing(rule)
    if (nothing !== undefined) report.warn(entry, at, `allows nothing: ${nothing}`)
    checkResourceNames(entry, at, rule, report)
    for (const [place, url] of rule.nonResourceURLs.entries()) {
      if (!canMatch(url)) report.warn(entry, [...at, 'nonResourceURLs', place], 'matches no path: it must begin with /, and * stands at the end alone')
    }
  }
}

/** `["*"]` stands alone; a glob that no namespace's name can match is worth a word. */
export function checkNamespaces(entry: Entry<unknown>, path: Path, namespaces: readonly string[], report: Report): void {
  if (namespaces.includes('*') && namespaces.length > 1) {
    report.fault(entry, path, 'must be ["*"] alone (which covers cluster-scoped and all-namespace requests too), or names and globs without "*"')
  }
  if (namespaces.length === 0) report.warn(entry, path, 'is empty, so that nothing in any namespace is allowed: name some, or ["*"] for all')
  for (const [index, glob] of namespaces.entries()) {
    if (!namespaceGlob.test(glob)) {
      report.warn(entry, [...path, index], 'matches no namespace: their names are lower-case letters, digits and -, which neither begin nor end with -')
    } else if (glob.replaceAll('*', '').length > longestNamespace) {
      report.warn(entry, [...path, index], `matches no namespace: their names have ${longestNamespace} characters at most`)
    }
  }
}

function checkRuleNamespaces(entry: Entry<unknown>, path: Path, rule: WrittenRule, report: Report): void {
  if (rule.namespaces !== undefined) {
    if (rule.resources.length > 0) checkNamespaces(entry, [...path, 'namespaces'], rule.namespaces, report)
  } else if (rule.resources.length > 0) {
    report.fault(entry, [...path, 'namespaces'], 'is missing: a rule about resources says in which namespaces; ["*"] is all, and cluster-scoped requests')
  }
}

function whyNothing({ verbs, apiGroups, resources, nonResourceURLs }: WrittenRule): string | undefined {
  if (verbs.length === 0) return 'it has no verbs; name them, as in verbs: [get, list, watch], or take the rule out'
  if (resources.length > 0 && apiGroups.length === 0) return 'it has no apiGroups; [""] is the core group'
  if (resources.length === 0 && nonResourceURLs.length === 0) return 'it has no resources and no nonResourceURLs; name some, as in resources: [pods], or take the rule out'
  return undefined
}

/**
 * Who creates an object or deletes a collection names none in the path, and RBAC compares with that.
 * A list or a watch may name one by its field selector; what is created below an object does in any case,
 * and so do an apply and an update that create what is not there (see authorize/asked.ts).
 */
function checkResourceNames(entry: Entry<unknown>, at: Path, { verbs, resources, resourceNames }: WrittenRule, report: Report): void {
  if (resourceNames.length === 0) return
  const creates = verbs.includes('patch') || verbs.includes('update')
  const nameless = !creates && resources.every(resource => !resource.includes('/') && resource !== '*') ? ['create', 'deletecollection'] : ['deletecollection']
  for (const [place, verb] of verbs.entries()) {
    if (nameless.includes(verb)) report.warn(entry, [...at, 'verbs', place], `is never allowed here: a ${verb} names no object, which resourceNames could match; put it into a rule without resourceNames`)
  }
}

// RBAC: a path to the letter, or a prefix before a final *.
function canMatch(url: string): boolean {
  return url === '*' || (url.startsWith('/') && !url.slice(0, -1).includes('*'))
}
