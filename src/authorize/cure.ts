import type { Attributes } from '../model/attributes.ts'
import type { GuardRoute } from '../model/caller.ts'
import { yamlScalar } from './quoted.ts'

/** What a line is to allow: `asked` with each of these verbs, of these objects alone where there are any. */
export interface Wanted {
  readonly asked: Attributes
  readonly verbs: readonly string[]
  /** Default: the object that is asked for, where it is one. */
  readonly names?: readonly string[]
  readonly acknowledge?: readonly GuardRoute[]
}

/**
 * A refusal with the line of YAML that would lift it, at its end and fit to be pasted. The
 * line says no more than was asked: the object stands in it by its name, and whoever means
 * all of them leaves that out.
 */
export function withCure(message: string, line: string | undefined, provided = ''): string {
  return line === undefined ? message : `${message}; to allow it${provided}: ${line}`
}

/**
 * The rule that allows just that, as an item of a caller's own `rules`. Undefined where no rule
 * could say just that: a star out of a URL would stand for everything once it is in a rule.
 */
export function ruleLine({ asked, verbs, names, acknowledge = [] }: Wanted): string | undefined {
  const fields = asked.isResourceRequest ? resourceFields(asked, verbs, names) : { nonResourceURLs: [asked.path], verbs }
  const { resourceNames: _exact, ...patterns } = fields as Record<string, readonly string[]>
  const isEverything = (field: string, value: string) => value.includes('*') && !(field === 'namespaces' && asked.namespace === '')
  if (Object.entries(patterns).some(([field, values]) => values.some(value => isEverything(field, value)))) return undefined
  return `- ${flow({ ...fields, ...acknowledge.length > 0 && { acknowledge } })}`
}

function resourceFields({ apiGroup, resource, subresource, namespace, name }: Attributes, verbs: readonly string[], names: readonly string[] = name === '' ? [] : [name]) {
  return {
    apiGroups: [apiGroup],
    resources: [subresource === '' ? resource : `${resource}/${subresource}`],
    ...names.length > 0 && { resourceNames: names },
    verbs,
    namespaces: [namespace === '' ? '*' : namespace],
  }
}

function flow(fields: Readonly<Record<string, readonly string[]>>): string {
  return `{ ${Object.entries(fields).map(([name, values]) => listField(name, values)).join(', ')} }`
}

/** `clusters: [prod]`. */
export function listField(name: string, values: readonly string[]): string {
  return `${name}: [${values.map(yamlScalar).join(', ')}]`
}
