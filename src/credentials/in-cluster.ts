import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import type { Credential } from './credential.ts'
import { createTokenFile, readTokenFile, type TokenFileOptions } from './token-file.ts'
import type { Token } from './token.ts'

/** Where the kubelet puts what a pod needs to reach its API server. */
export const podFolder = '/var/run/secrets/kubernetes.io/serviceaccount'

type Env = Readonly<Record<string, string | undefined>>

export function isInPod({ KUBERNETES_SERVICE_HOST: host = '' }: Env): boolean {
  return host !== ''
}

/** The API server of the pod's own cluster. Throws outside of a pod. */
export function podServer({ KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '' }: Env): string {
  if (host === '' || port === '') {
    throw new Error('inCluster is for a process in a pod, and this is none: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set')
  }
  return `https://${isIPv6(host) ? `[${host}]` : host}:${port}`
}

export interface InClusterOptions extends Pick<TokenFileOptions, 'warn' | 'watch'> {
  /** Default: where the kubelet puts it. */
  readonly folder?: string
}

/** The service account of the pod: a token that the kubelet renews, reread when it changes. */
export function createInCluster({ folder = podFolder, ...rest }: InClusterOptions): Promise<Credential> {
  return createTokenFile({ ...rest, kind: 'inCluster', path: tokenOf(folder), allowLoose })
}

export function readPodToken(folder = podFolder): Promise<Token> {
  return readTokenFile(tokenOf(folder), allowLoose)
}

// The kubelet writes it 0644 unless the pod has an fsGroup or all its containers run as one named
// user (KEP-2451, "File Permission"), and in a container there is nobody else to keep it from.
const allowLoose = true

function tokenOf(folder: string): string {
  return join(folder, 'token')
}
