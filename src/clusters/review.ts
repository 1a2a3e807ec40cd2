import { asFields, type Fields } from '../json-fields.ts'
import type { Cluster } from './cluster.ts'
import { askObject } from './question.ts'

export interface ReviewOptions {
  readonly kind: 'SelfSubjectAccessReview' | 'SelfSubjectRulesReview'
  readonly spec: object
  readonly signal: AbortSignal
}

/** What an API server says of our own rights: the status of the review; empty where it does not tell. Rejects as `askObject` does. */
export async function askReview(fetch: Cluster['fetch'], { kind, spec, signal }: ReviewOptions): Promise<Fields> {
  const apiVersion = 'authorization.k8s.io/v1'
  const answer = await askObject(fetch, `/apis/${apiVersion}/${kind.toLowerCase()}s`, { signal, body: { kind, apiVersion, spec } })
  return asFields(answer?.['status'])
}
