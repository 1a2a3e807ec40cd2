import { asFields, type Fields } from '../json-fields.ts'
import type { Cluster } from './cluster.ts'
import type { Identity } from './identity.ts'
import { askObject, asTexts } from './question.ts'
import { askReview } from './review.ts'

/** What OpenShift grants everybody, by its releases. */
const restricted = new Set(['restricted', 'restricted-v2', 'restricted-v3'])
const group = 'security.openshift.io'
const resource = 'securitycontextconstraints'
/** Of constraints, and of projects: what is beyond is not known, so there the guard stays. */
const most = 500
/** Reviews under way at once. */
const abreast = 8

export interface SccQuestions {
  readonly fetch: Cluster['fetch']
  readonly identity: Identity
  readonly signal: AbortSignal
}

/**
 * The namespaces where we may use no security context constraints beyond the restricted ones.
 * Admission judges by the names and groups in the constraints, and by the verb `use`, which a
 * RoleBinding may grant in one namespace alone (apiserver-library-go, sccmatching): hence one
 * review for each. Rejects where it is to be asked again; whatever is not told is not among them.
 */
export async function askRestrictedNamespaces(questions: SccQuestions): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  const beyond = await askConstraintsBeyond(questions)
  if (beyond === undefined || await mayUseAnywhere(questions, beyond)) return found
  const namespaces = await askProjects(questions)
  for (let at = 0; at < namespaces.length; at += abreast) {
    await Promise.all(namespaces.slice(at, at + abreast).map(async (namespace) => {
      if (await isRestrictedIn(questions, namespace)) found.add(namespace)
    }))
  }
  return found
}

/** Those that are not restricted, by name; undefined where they are not told, or where one of them names us. */
async function askConstraintsBeyond({ fetch, identity, signal }: SccQuestions): Promise<readonly string[] | undefined> {
  const items = itemsOf(await askObject(fetch, `/apis/${group}/v1/${resource}?limit=${most}`, { signal }))
  if (items === undefined || identity.groups.includes('system:masters')) return undefined
  const names: string[] = []
  for (const item of items) {
    const name = nameOf(item)
    const [users, groups] = [asTexts(item['users']), asTexts(item['groups'])]
    if (name === undefined || users === undefined || groups === undefined) return undefined
    if (restricted.has(name)) continue
    if (users.includes(identity.user) || groups.some(name => identity.groups.includes(name))) return undefined
    names.push(name)
  }
  return names
}

/** The commonplace of a powerful account: one review then tells, instead of one for each namespace. */
async function mayUseAnywhere({ fetch, signal }: SccQuestions, names: readonly string[]): Promise<boolean> {
  for (const name of names) {
    const spec = { resourceAttributes: { verb: 'use', group, resource, name } }
    const status = await askReview(fetch, { kind: 'SelfSubjectAccessReview', spec, signal })
    if (status['allowed'] !== false || isUncertain(status)) return true
  }
  return false
}

/** OpenShift lists those that the account sees: where it may make pods it sees the project. */
async function askProjects({ fetch, signal }: SccQuestions): Promise<readonly string[]> {
  const projects = await askObject(fetch, `/apis/project.openshift.io/v1/projects?limit=${most}`, { signal })
  const { items } = projects ?? {}
  return Array.isArray(items) ? items.map(nameOf).filter(name => name !== undefined).slice(0, most) : []
}

async function isRestrictedIn({ fetch, signal }: SccQuestions, namespace: string): Promise<boolean> {
  const status = await askReview(fetch, { kind: 'SelfSubjectRulesReview', spec: { namespace }, signal })
  const rules = status['resourceRules']
  return Array.isArray(rules) && status['incomplete'] === false && !isUncertain(status) && rules.every(isNoGrant)
}

function isNoGrant(rule: unknown): boolean {
  const { verbs, apiGroups, resources, resourceNames } = asFields(rule)
  const names = asTexts(resourceNames)
  if (!covers(verbs, 'use') || !covers(apiGroups, group) || !covers(resources, resource)) return true
  return names !== undefined && names.length > 0 && names.every(name => restricted.has(name))
}

/** A list that is none covers everything: what is not understood grants. */
function covers(list: unknown, value: string): boolean {
  const texts = asTexts(list)
  return texts === undefined || texts.includes('*') || texts.includes(value)
}

/** An authorizer that failed, or one that cannot list its rules. */
function isUncertain({ evaluationError }: Fields): boolean {
  return evaluationError !== undefined && evaluationError !== ''
}

/** Undefined where it is no list, or not all of it. */
function itemsOf(list: Fields | undefined): readonly Fields[] | undefined {
  const items = list?.['items']
  const { continue: more } = asFields(list?.['metadata'])
  return Array.isArray(items) && (more === undefined || more === '') ? items.map(asFields) : undefined
}

function nameOf(object: unknown): string | undefined {
  const { name } = asFields(asFields(object)['metadata'])
  return typeof name === 'string' ? name : undefined
}
