import { accountOfUser } from '../credentials/claims.ts'
import { asFields } from '../json-fields.ts'
import type { Account } from '../model/verdict.ts'
import type { Cluster } from './cluster.ts'
import { ask, asTexts, type NoAnswer } from './question.ts'

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
 * Asks an API server whom it takes us for. `absent` where it has no way to tell: older than any
 * SelfSubjectReview and not OpenShift's; `odd` where one of the ways is there, or may be, and
 * tells nothing. Rejects where it is to be asked again.
 */
export async function askIdentity(fetch: Cluster['fetch'], signal: AbortSignal): Promise<Identity | NoAnswer> {
  let none: NoAnswer = 'absent'
  for (const way of ways) {
    const answer = await way(fetch, signal)
    if (typeof answer !== 'string') return answer
    if (answer === 'odd') none = 'odd'
  }
  return none
}

// `oc whoami` is also there where Kubernetes is older than 1.26.
const ways = [...reviewVersions.map(version => askReview.bind(undefined, version)), askWhoami]

async function askReview(version: string, fetch: Cluster['fetch'], signal: AbortSignal): Promise<Identity | NoAnswer> {
  const apiVersion = `authentication.k8s.io/${version}`
  const review = await ask(fetch, `/apis/${apiVersion}/selfsubjectreviews`, { signal, body: { kind: 'SelfSubjectReview', apiVersion } })
  if (typeof review === 'string') return review
  const { username, groups } = asFields(asFields(review['status'])['userInfo'])
  return read(username, groups)
}

async function askWhoami(fetch: Cluster['fetch'], signal: AbortSignal): Promise<Identity | NoAnswer> {
  const user = await ask(fetch, '/apis/user.openshift.io/v1/users/~', { signal })
  return typeof user === 'string' ? user : read(asFields(user['metadata'])['name'], user['groups'])
}

/** An object that names nobody is no answer to this question. Nobody in particular is one, of an API server that has not taken what we presented. */
function read(user: unknown, groups: unknown): Identity | NoAnswer {
  if (user === undefined) return 'absent'
  const names = asTexts(groups)
  if (typeof user !== 'string' || user === '' || user === 'system:anonymous' || names === undefined) return 'odd'
  return { user, groups: names }
}
