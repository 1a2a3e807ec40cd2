import type { LogLevel } from '../log/log.ts'

/** Where audit events go. Sizes in bytes, paths absolute. */
export type SinkConfig =
  | { readonly kind: 'stdout' }
  | { readonly kind: 'file', readonly path: string, readonly maxSize: number, readonly keep: number }

export type CredentialConfig =
  | { readonly kind: 'tokenFile', readonly path: string }
  | { readonly kind: 'tokenEnv', readonly variable: string }

/** A field that is missing or empty matches all; the first rule that matches decides. */
export interface PolicyRuleConfig {
  readonly level: 'None' | 'Metadata'
  readonly callers?: readonly string[]
  readonly verbs?: readonly string[]
  readonly resources?: readonly { readonly group: string, readonly resources: readonly string[] }[]
  readonly namespaces?: readonly string[]
}

export interface ClusterConfig {
  readonly name: string
  /** Scheme, host, port and base path; no slash at the end. */
  readonly server: string
  readonly caFile: string | undefined
  readonly tlsServerName: string | undefined
  readonly credential: CredentialConfig
  /** Milliseconds. */
  readonly timeouts: { readonly connect: number, readonly response: number }
  readonly openshift: 'auto' | boolean
  /** Milliseconds and bytes. */
  readonly discovery: { readonly ttl: number, readonly staleFor: number, readonly maxSize: number }
}

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
  /** The first is the default one. */
  readonly clusters: readonly ClusterConfig[]
  /** Files and folders. */
  readonly callers: { readonly paths: readonly string[] }
  readonly audit: {
    readonly policy: readonly PolicyRuleConfig[]
    readonly sinks: readonly SinkConfig[]
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
