import type { ClusterConfig } from '../config/config.ts'
import { readCa } from './tls.ts'

/** Where an API server is and how it proves itself. */
export interface Endpoint {
  /** An https URL. */
  readonly server: string
  /** PEM; undefined: the authorities that Node trusts. */
  readonly ca: string | undefined
  readonly tlsServerName: string | undefined
}

type Env = Readonly<Record<string, string | undefined>>

/** What the config says comes first; what it leaves out comes from the pod. Rejects with an Error that names what is missing. */
export async function readEndpoint({ name, server, caFile, tlsServerName }: ClusterConfig, _env: Env): Promise<Endpoint> {
  if (server === undefined) throw new Error(`cluster ${name} has no server`)
  return { server, ca: caFile === undefined ? undefined : await readCa(caFile), tlsServerName }
}
