import { join } from 'node:path'
import type { Credential } from './credential.ts'
import { podFolder } from './pod.ts'
import { createTokenFile, readTokenFile, type TokenFileOptions } from './token-file.ts'
import type { Token } from './token.ts'

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
