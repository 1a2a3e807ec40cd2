import { existsSync, readFileSync } from 'node:fs'
import type { Attributes } from '../../src/model/attributes.ts'
import type { Rule } from '../../src/model/caller.ts'

export type AttributesVector =
  | { readonly method: string, readonly url: string, readonly info: Attributes }
  | { readonly method: string, readonly url: string, readonly error: string }

export interface RuleVector {
  readonly method: string
  readonly url: string
  readonly rule: Readonly<Record<'verbs' | 'apiGroups' | 'resources' | 'resourceNames' | 'nonResourceURLs', string[] | null>>
  readonly attributes: Attributes
  readonly allow: boolean
}

/** Beside the repository, where it is cloned together with the project's shared folder. */
const shared = new URL('../../../shared/vectors/', import.meta.url)

export const samples = {
  'request-attributes.jsonl': new URL('../resolve/vectors/request-attributes.jsonl', import.meta.url),
  'rule-matches.jsonl': new URL('../authorize/vectors/rule-matches.jsonl', import.meta.url),
} as const

/** A tenth of the vectors is committed, so that the check never vanishes. */
export function sampleOf(name: keyof typeof samples): string {
  return readFileSync(samples[name], 'utf8')
}

/** All 4,000; or why they are not here. */
export function wholeOf(name: keyof typeof samples): { text: string, missing: false | string } {
  const file = new URL(name, shared)
  if (existsSync(file)) return { text: readFileSync(file, 'utf8'), missing: false }
  return { text: '', missing: `../shared/vectors/${name} is not beside this clone; the committed tenth of it was checked` }
}

export function parseLines<T>(text: string): T[] {
  return text.split('\n').filter(line => line !== '').map(line => JSON.parse(line) as T)
}

/** The rule of a vector stands in no namespace, as in a ClusterRole. */
export function toRule({ rule }: RuleVector): Rule {
  const { verbs, apiGroups, resources, resourceNames, nonResourceURLs } = rule
  return {
    verbs: verbs ?? [], apiGroups: apiGroups ?? [], resources: resources ?? [], resourceNames: resourceNames ?? [],
    nonResourceURLs: nonResourceURLs ?? [], namespaces: ['*'], acknowledge: [],
  }
}
