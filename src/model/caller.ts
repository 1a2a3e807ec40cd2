import type { Identities } from './identity.ts'

/** The guard's routes (see authorize/guard): what a rule must acknowledge to open them. */
export const guardRoutes = [
  'mint-token', 'own-credential', 'own-callers', 'grant-role', 'impersonate', 'sign-certificate', 'node-proxy',
  'intercept', 'server-internals', 'openshift-identity', 'own-project', 'run-as-us', 'template-instance',
  'build-strategy', 'pull-secrets',
] as const

export type GuardRoute = (typeof guardRoutes)[number]

/** One rule in RBAC's words; what the file leaves out is an empty list. */
export interface Rule {
  readonly verbs: readonly string[]
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames: readonly string[]
  readonly nonResourceURLs: readonly string[]
  /** Names or `*` globs; exactly `["*"]` also covers cluster-scoped and all-namespace requests. */
  readonly namespaces: readonly string[]
  readonly acknowledge: readonly GuardRoute[]
}

/**
 * Rules a caller holds, by the scope they come from. Callers of one scope share
 * the same `rules` array, so that what is compiled for one serves all.
 */
export interface Grant {
  /** The scope's name; null for the caller's own rules. */
  readonly scope: string | null
  readonly rules: readonly Rule[]
  /** The long form's narrowing: both it and the rule's own `namespaces` must cover a request. */
  readonly namespaces: readonly string[] | undefined
}

export interface CallerLimits {
  readonly requestsPerSecond: number | undefined
  readonly burst: number | undefined
  readonly inFlight: number | undefined
  readonly streams: number | undefined
}

export interface Impersonate {
  readonly user: string
  readonly groups: readonly string[]
}

/** A caller as its files define it; a new object after every reload. */
export interface CallerDefinition {
  readonly name: string
  readonly grants: readonly Grant[]
  /** Undefined: every cluster. */
  readonly clusters: readonly string[] | undefined
  /** May read API discovery without a rule. */
  readonly discovery: boolean
  readonly limits: CallerLimits
  /** Source CIDRs; undefined: from anywhere. */
  readonly allowedFrom: readonly string[] | undefined
  readonly impersonate: Impersonate | undefined
  /** Other credentials than keys; without it there are none. */
  readonly identities?: Identities | undefined
  /** Without it every request is judged once. */
  readonly shadow?: ShadowGrants | undefined
}

/** What a caller would hold if its shadow scopes were in force. They grant nothing: this is judged and recorded. */
export interface ShadowGrants {
  /** Names of the shadow scopes that it holds, each once. */
  readonly scopes: readonly string[]
  /** Those of `CallerDefinition.grants` that no shadow scope replaces, as the same objects, and the shadow scopes' own. */
  readonly grants: readonly Grant[]
}

/**
 * Who an arrival turned out to be. `credentialId` is public, and a metric's label: the id
 * of an API key, `jwt:<issuer>`, or `cert:` and the beginning of its key's SHA-256.
 */
export interface Caller {
  readonly definition: CallerDefinition
  readonly credentialId: string
  /** More of the credential, for the audit: as `user.extra` of an event. */
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined
  /** Milliseconds since the epoch when the credential ends; undefined: never. */
  readonly expiresAt: number | undefined
}
