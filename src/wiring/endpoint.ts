import { join } from 'node:path'
import type { ClusterConfig, CredentialConfig } from '../config/config.ts'
import { podFolder as defaultPodFolder, podServer } from '../credentials/pod.ts'
import { readKubeconfig, type Kubeconfig } from '../credentials/kubeconfig-file.ts'
import { formOf, type Pem } from '../credentials/kubeconfig-user.ts'
import { readCa, requireCa } from './tls.ts'

/** Where an API server is and how it proves itself. */
export interface Endpoint {
  /** An https URL. */
  readonly server: string
  /** PEM; undefined: the authorities that Node trusts. */
  readonly ca: string | undefined
  readonly tlsServerName: string | undefined
}

/** An endpoint, and what makes it another one. */
export interface EndpointReading {
  readonly endpoint: Endpoint
  /** The files that it stands in; absolute. */
  readonly files: readonly string[]
  /** What a kubeconfig says of its cluster, and how its user proves itself, without its secrets: another one is another credential. */
  readonly form: unknown
  /** The kubeconfig, as it was read for all of this; it holds secrets. */
  readonly kubeconfig: Kubeconfig | undefined
}

export interface EndpointDeps {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Read a kubeconfig though every user of the machine may. */
  readonly allowLoose: boolean
  /** Where the kubelet puts what a pod needs. */
  readonly podFolder?: string | undefined
}

/** A cluster, or whoever else is named like one. */
type Named = Pick<ClusterConfig, 'server' | 'caFile' | 'tlsServerName'> & { readonly credential: CredentialConfig | undefined }

/** What the config says comes first; what it leaves out comes from the pod or the kubeconfig. Rejects with an Error that names what is missing. */
export async function readEndpoint(cluster: Named, deps: EndpointDeps): Promise<EndpointReading> {
  const told = await toldBy(cluster.credential, deps)
  const ca = cluster.caFile === undefined ? told.ca : { file: cluster.caFile }
  return {
    endpoint: {
      server: cluster.server ?? told.server(),
      ca: ca === undefined ? undefined : await readPem(ca, told.source),
      tlsServerName: cluster.tlsServerName ?? told.tlsServerName,
    },
    files: [...told.files, ...ca !== undefined && 'file' in ca ? [ca.file] : []],
    form: told.form,
    kubeconfig: told.kubeconfig,
  }
}

function readPem(ca: Pem, source: string): Promise<string> | string {
  return 'file' in ca ? readCa(ca.file) : requireCa(ca.text, source)
}

/** What a credential knows of the cluster that it is for. */
interface Told extends Pick<EndpointReading, 'files' | 'form' | 'kubeconfig'> {
  readonly source: string
  /** Throws where it does not know. */
  readonly server: () => string
  readonly ca: Pem | undefined
  readonly tlsServerName: string | undefined
}

async function toldBy(credential: CredentialConfig | undefined, deps: EndpointDeps): Promise<Told> {
  const nothing = { source: '', ca: undefined, tlsServerName: undefined, files: [], form: undefined, kubeconfig: undefined }
  switch (credential?.kind) {
    case 'tokenRequest': return toldBy(credential.bootstrap, deps)
    case 'kubeconfig': {
      const { file, context } = credential
      const kubeconfig = await readKubeconfig({ file, context, allowLoose: deps.allowLoose })
      const { server, ca, tlsServerName, user } = kubeconfig
      const form = { server, ca, tlsServerName, user: formOf(user) }
      return { ca, tlsServerName, source: `the kubeconfig ${file}`, server: () => server, files: [file], form, kubeconfig }
    }
    case 'inCluster': {
      const { env, podFolder = defaultPodFolder } = deps
      return { ...nothing, server: () => podServer(env), ca: { file: join(podFolder, 'ca.crt') } }
    }
    default: return { ...nothing, server: () => { throw new Error('there is no server') } }
  }
}
