import { Document, isMap, isSeq, visit } from 'yaml'
import type { PolicyRule } from './permission.ts'

/** Whose rights they are. */
export type Subject =
  | { readonly kind: 'ServiceAccount', readonly namespace: string, readonly name: string }
  | { readonly kind: 'User', readonly name: string }

/** Rules with what to say of them. */
export interface RuleBlock {
  /** Lines; none: no comment. */
  readonly comment: readonly string[]
  readonly rules: readonly PolicyRule[]
}

export interface RoleManifest {
  readonly name: string
  /** Undefined: a ClusterRole. */
  readonly namespace: string | undefined
  /** Lines above it. */
  readonly comment: readonly string[]
  readonly blocks: readonly RuleBlock[]
  /** Undefined: no binding is printed. */
  readonly subject: Subject | undefined
}

const api = 'rbac.authorization.k8s.io'

/** The roles and their bindings as one YAML text, a document each, below the lines of a head. */
export function printManifests(head: readonly string[], roles: readonly RoleManifest[]): string {
  const documents = roles.filter(({ blocks }) => blocks.some(({ rules }) => rules.length > 0)).flatMap(role => [printRole(role), ...printBinding(role)])
  return [...commentLines(head), documents.join('---\n')].join('\n')
}

function printRole({ name, namespace, comment, blocks }: RoleManifest): string {
  const document = new Document({
    apiVersion: `${api}/v1`, kind: namespace === undefined ? 'ClusterRole' : 'Role', metadata: metadataOf(name, namespace),
    rules: blocks.flatMap(({ rules }) => rules),
  })
  for (const [index, lines] of firstRules(blocks)) {
    const node: unknown = document.getIn(['rules', index], true)
    if (isMap(node) && lines.length > 0) node.commentBefore = lines.map(line => ` ${line}`).join('\n')
  }
  return [...commentLines(comment), toText(document)].join('\n')
}

/** By the index of the rule in front of which it stands. */
function firstRules(blocks: readonly RuleBlock[]): [number, readonly string[]][] {
  let index = 0
  return blocks.filter(({ rules }) => rules.length > 0).map(({ comment, rules }) => {
    const first = index
    index += rules.length
    return [first, comment]
  })
}

function printBinding({ name, namespace, subject }: RoleManifest): string[] {
  if (subject === undefined) return []
  const subjects = subject.kind === 'User'
    ? [{ apiGroup: api, kind: 'User', name: subject.name }]
    : [{ kind: 'ServiceAccount', namespace: subject.namespace, name: subject.name }]
  return [toText(new Document({
    apiVersion: `${api}/v1`, kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding', metadata: metadataOf(name, namespace),
    roleRef: { apiGroup: api, kind: namespace === undefined ? 'ClusterRole' : 'Role', name }, subjects,
  }))]
}

function metadataOf(name: string, namespace: string | undefined): object {
  return namespace === undefined ? { name } : { name, namespace }
}

/** Lists of words on one line, as people write roles. */
function toText(document: Document): string {
  visit(document, {
    Seq: (_, list) => { if (isSeq(list) && !list.items.some(isMap)) list.flow = true },
  })
  return document.toString({ lineWidth: 0, flowCollectionPadding: false })
}

function commentLines(lines: readonly string[]): string[] {
  return lines.map(line => (line === '' ? '#' : `# ${line}`))
}
