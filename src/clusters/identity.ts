import { accountOfUser } from '../credentials/claims.ts'
import { asFields, type Fields } from '../json-fields.ts'
import type { Account } from '../model/verdict.ts'
import type { Cluster } from './cluster.ts'
import { askObject, asTexts } from './question.ts'

/** Whom an API server takes us for. */
export interface Identity {
  readonly user: string
  readonly groups: readonly string[]
}

/** One that is no service account lives in no namespace. */
export function accountOf({ user }: Identity): Account {
  return accountOfUser(user) ?? { namespace: '', name: user }
}

/** Kubernetes: pkg/serviceaccount, MakeGroupNames; and the authenticator adds the last. */
export function identityOfAccount({ namespace, name }: Account): Identity {
  return {
    user: `system:serviceaccount:${namespace}:${name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
  }
}

/** Newest first: v1 since Kubernetes 1.28, v1beta1 in 1.27, v1alpha1 in 1.26 (KEP-3325). */
const reviewVersions = ['v1', 'v1beta1', 'v1alpha1']

/**
 * Asks an API server whom it takes us for. Undefined where it does not tell: older than any
 * SelfSubjectReview and not OpenShift's, or it may not be asked. Rejects where it is to be asked again.
 */
export async function askIdentity(fetch: Cluster['fetch'], signal: AbortSignal): Promise<Identity | undefined> {
  for (const version of reviewVersions) {
    const apiVersion = `authentication.k8s.io/${version}`
    const review = await askObject(fetch, `/apis/${apiVersion}/selfsubjectreviews`, { signal, body: { kind: 'SelfSubjectReview', apiVersion } })
    const { username, groups } = asFields(asFields(review?.['status'])['userInfo'])
    const identity = read(username, groups)
    if (identity !== undefined) return identity
  }
  // OpenShift's `oc whoami`: also there where Kubernetes is older than 1.26.
  const user: Fields = await askObject(fetch, '/apis/user.openshift.io/v1/users/~', { signal }) ?? {}
  return read(asFields(user['metadata'])['name'], user['groups'])
}

/** Nobody in particular is no answer: the API server has not taken what we presented. */
function read(user: unknown, groups: unknown): Identity | undefined {
  const names = asTexts(groups)
  if (typeof user !== 'string' || user === '' || user === 'system:anonymous' || names === undefined) return undefined
  return { user, groups: names }
}
