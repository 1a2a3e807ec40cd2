import type { Attributes } from './attributes.ts'
import type { Rule } from './caller.ts'

/** What authorize is asked, apart from who asks. */
export interface Question {
  readonly attributes: Attributes
  readonly upgrade: boolean
  /** Of the request body, as sent. */
  readonly contentType: string | undefined
  /** What the caller's own `Impersonate-*` headers ask for; undefined without any. */
  readonly impersonation: Impersonation | undefined
  readonly cluster: ClusterFacts
}

export interface Impersonation {
  readonly user: string | undefined
  readonly groups: readonly string[]
  readonly uid: string | undefined
  readonly extra: Readonly<Record<string, readonly string[]>>
}

/** What the guard has to know of the cluster a request goes to. */
export interface ClusterFacts {
  readonly name: string
  /** Unknown reads as true: the stricter answer. */
  readonly openshift: boolean
  /** The account behind our credential; undefined where it is not known (yet). */
  readonly account: Account | undefined
  /** The one whose credential asks for ours (tokenRequest): as much ours. Undefined where there is none, or it is not known (yet). */
  readonly bootstrapAccount: Account | undefined
  /** One of them is still being asked for: until there is a definite answer any namespace may be ours. */
  readonly accountPending: boolean
  /** Namespaces in which our account is known to have no security context constraints beyond the restricted ones. */
  readonly restrictedIn: ReadonlySet<string>
  /** False while some of all this is still being asked for; what is missing reads as the stricter answer. */
  readonly settled: boolean
  /** Namespaces of this cluster that hold Portcullis itself or its callers. */
  readonly ownNamespaces: readonly string[]
}

export interface Account {
  /** Empty for a user that is no service account. */
  readonly namespace: string
  readonly name: string
}

export interface MatchedRule extends Rule {
  readonly scope: string | null
}

export type DenialCode =
  | 'SourceDenied' | 'ClusterDenied' | 'ImpersonationDenied' | 'ScopeDenied' | 'EscalationDenied' | 'MethodNotAllowed'

/**
 * `rule` is the rule that matched, also where the guard then refuses; null where
 * none did, and for discovery, which needs none. `reason` may be shown to the caller.
 */
export type Verdict =
  | { readonly allowed: true, readonly code: null, readonly rule: MatchedRule | null, readonly reason: string }
  | { readonly allowed: false, readonly code: DenialCode, readonly rule: MatchedRule | null, readonly reason: string }

/** That the shadow scopes of a caller would have denied what was allowed. */
export interface ShadowDenial {
  /** As a verdict's. */
  readonly reason: string
  /** Names of the shadow scopes that the caller holds. */
  readonly scopes: readonly string[]
}
