import type { LogLevel } from '../log/log.ts'

/** Where audit events go. Sizes in bytes, paths absolute. */
export type SinkConfig =
  | { readonly kind: 'stdout' }
  | FileSinkConfig
  | WebhookSinkConfig

export interface FileSinkConfig {
  readonly kind: 'file'
  readonly path: string
  readonly maxSize: number
  readonly keep: number
  /** Milliseconds; missing: no limit. */
  readonly maxAge?: number
  readonly keepFor?: number
  readonly compress: boolean
  /** Missing: nothing is signed. */
  readonly signingKeyFile?: string
}

export interface WebhookSinkConfig {
  readonly kind: 'webhook'
  /** Undefined: the server of the kubeconfig, with its path. */
  readonly url: string | undefined
  readonly caFile: string | undefined
  readonly tlsServerName: string | undefined
  /** Undefined: nothing is presented. */
  readonly credential: WebhookCredentialConfig | undefined
  /** Events. */
  readonly maxBatchSize: number
  readonly bufferSize: number
  /** Milliseconds. */
  readonly maxWait: number
  readonly initialBackoff: number
  readonly timeout: number
  /** POSTs. */
  readonly throttle: { readonly perSecond: number, readonly burst: number }
}

/** What is not our way to a cluster: nothing that a cluster gave us goes to a webhook. */
export type WebhookCredentialConfig = Extract<BootstrapConfig, { readonly kind: 'tokenFile' | 'tokenEnv' | 'clientCertificate' | 'kubeconfig' }>

/** A value that stands elsewhere; paths absolute. */
export type ReferenceConfig =
  | { readonly kind: 'file', readonly path: string }
  | { readonly kind: 'env', readonly variable: string }

export interface ExecConfig {
  readonly kind: 'exec'
  readonly apiVersion: 'client.authentication.k8s.io/v1' | 'client.authentication.k8s.io/v1beta1'
  /** An absolute path, or a name to be found on PATH. */
  readonly command: string
  readonly args: readonly string[]
  readonly env: readonly { readonly name: string, readonly value: string }[]
  readonly provideClusterInfo: boolean
  /** Milliseconds. */
  readonly timeout: number
}

export interface KubeconfigConfig {
  readonly kind: 'kubeconfig'
  readonly file: string
  /** Undefined: the current one. */
  readonly context: string | undefined
}

/** Kinds that are there from the start; the others are obtained with one of them. */
export type BootstrapConfig =
  | { readonly kind: 'tokenFile', readonly path: string }
  | { readonly kind: 'tokenEnv', readonly variable: string }
  | { readonly kind: 'clientCertificate', readonly certFile: string, readonly keyFile: string }
  | KubeconfigConfig
  | { readonly kind: 'inCluster' }
  | ExecConfig

export interface TokenRequestConfig {
  readonly kind: 'tokenRequest'
  readonly bootstrap: BootstrapConfig
  /** Undefined: the account of the bootstrap token itself. */
  readonly serviceAccount: { readonly namespace: string, readonly name: string } | undefined
  /** Empty: the API server's own. */
  readonly audiences: readonly string[]
  /** Milliseconds. */
  readonly lifetime: number
}

export interface OAuthSessionConfig {
  readonly kind: 'oauthSession'
  readonly username: ReferenceConfig
  readonly password: ReferenceConfig
}

export type CredentialConfig = BootstrapConfig | TokenRequestConfig | OAuthSessionConfig

export type AuditLevelConfig = 'None' | 'Metadata' | 'Request' | 'RequestResponse'
export type StageConfig = 'RequestReceived' | 'ResponseStarted' | 'ResponseComplete' | 'Panic'

/** A field that is missing or empty matches all; the first rule that matches decides. */
export interface PolicyRuleConfig {
  readonly level: AuditLevelConfig
  readonly callers?: readonly string[]
  readonly groups?: readonly string[]
  readonly verbs?: readonly string[]
  readonly resources?: readonly { readonly group: string, readonly resources: readonly string[], readonly resourceNames: readonly string[] }[]
  readonly namespaces?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
  readonly codes?: readonly string[]
  readonly omitStages?: readonly StageConfig[]
  readonly omitManagedFields?: boolean
  readonly recordSessions?: boolean
}

/** What is written of requests: as the config says it, or a Policy file in its place. */
export interface PolicyConfig {
  readonly rules: readonly PolicyRuleConfig[]
  readonly omitStages: readonly StageConfig[]
  /** Where no rule matches. */
  readonly otherwise: AuditLevelConfig
  /** Bytes. */
  readonly maxBodySize: number
}

export interface ClusterConfig {
  readonly name: string
  /** Scheme, host, port and base path; no slash at the end. Undefined: as the pod or the kubeconfig says. */
  readonly server: string | undefined
  readonly caFile: string | undefined
  readonly tlsServerName: string | undefined
  readonly credential: CredentialConfig
  /** Milliseconds. */
  readonly timeouts: { readonly connect: number, readonly response: number }
  /** For long-running requests. */
  readonly http2: boolean
  readonly openshift: 'auto' | boolean
  /** Milliseconds and bytes. */
  readonly discovery: { readonly ttl: number, readonly staleFor: number, readonly maxSize: number }
}

/** Where callers and scopes are kept. */
export type CallersConfig =
  /** Files and folders. */
  | { readonly kind: 'file', readonly paths: readonly string[] }
  /** Objects in a namespace of one of the clusters. */
  | { readonly kind: 'kubernetes', readonly cluster: string, readonly namespace: string }

/** The config in force: durations in milliseconds, sizes in bytes, paths absolute; frozen. */
export interface Config {
  /** The file it was read from, as it was named. */
  readonly file: string
  readonly listen: {
    readonly host: string
    readonly port: number
    readonly tls: { readonly certFile: string, readonly keyFile: string, readonly clientCaFile: string | undefined } | undefined
    readonly http2: boolean
    readonly keepAlive: number
    readonly trustedProxies: readonly string[]
  }
  readonly admin: { readonly host: string, readonly port: number }
  /** How many processes serve; auto: one a core, see `countWorkers`. */
  readonly workers: number | 'auto'
  /** The first is the default one. */
  readonly clusters: readonly ClusterConfig[]
  readonly callers: CallersConfig
  readonly audit: {
    readonly policy: PolicyConfig
    /** A Policy of `audit.k8s.io/v1` in the place of its rules and stages. */
    readonly policyFile: string | undefined
    readonly sinks: readonly SinkConfig[]
    /** Path absolute, bytes, milliseconds; without `keepFor` they are kept for ever. */
    readonly recordings?: { readonly folder: string, readonly maxSize: number, readonly keepFor?: number }
    readonly mode: 'batch' | 'blocking' | 'blocking-strict'
  }
  readonly limits: {
    readonly maxRequestBody: number
    readonly maxHeaderSize: number
    readonly headerTimeout: number
    readonly maxConnections: number
  }
  /** Undefined: as the pod says, if it is one. */
  readonly self: { readonly cluster: string, readonly namespace: string } | undefined
  readonly log: { readonly level: LogLevel }
}
