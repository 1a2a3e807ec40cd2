import type { Cluster, KubeConfig } from '@kubernetes/client-node'
import { readSecret } from '../files/secret.ts'
import { readYaml } from '../files/yaml.ts'
import type { Fields } from '../json-fields.ts'
import { pemOf, readUser, textOf, type KubeconfigUser, type Pem } from './kubeconfig-user.ts'

export interface KubeconfigSource {
  readonly file: string
  /** Undefined: the current one. */
  readonly context: string | undefined
  /** Read it though every user of the machine may. */
  readonly allowLoose: boolean
}

/** One context of a kubeconfig; paths absolute. */
export interface Kubeconfig {
  /** An https URL. */
  readonly server: string
  readonly ca: Pem | undefined
  readonly tlsServerName: string | undefined
  readonly user: KubeconfigUser
}

/** Rejects, naming the file and repeating nothing secret of it, where the context is not there or asks for what we do not do. */
export async function readKubeconfig({ file, context, allowLoose }: KubeconfigSource): Promise<Kubeconfig> {
  const text = await readSecret(file, { allowLoose })
  try {
    return await parseKubeconfig(text, file, context)
  } catch (cause) {
    throw new Error(`the kubeconfig ${file}: ${(cause as Error).message}`, { cause })
  }
}

async function parseKubeconfig(text: string, file: string, wanted: string | undefined): Promise<Kubeconfig> {
  const written = parseYaml(text, file)
  const kubeconfig = await load(written)
  const context = contextOf(kubeconfig, wanted)
  const cluster = kubeconfig.getCluster(context.cluster)
  if (cluster === null) throw new Error(`the context ${JSON.stringify(context.name)} names a cluster that is not there, or has no server`)
  const user = kubeconfig.getUser(context.user)
  if (user === null) throw new Error(`the context ${JSON.stringify(context.name)} names no user, or one that is not there`)
  return { ...readCluster(cluster, file), user: readUser(user, writtenUser(written, user.name), file) }
}

/** By our own reader: the messages of the library's hold an excerpt of the file, the token perhaps. */
function parseYaml(text: string, file: string): Fields {
  const { documents: [document], faults: [fault] } = readYaml(file, text)
  if (fault !== undefined) throw new Error(`it cannot be read as YAML at line ${fault.line}, column ${fault.column}`)
  if (typeof document?.value !== 'object' || document.value === null) throw new Error('it holds no contexts')
  return document.value as Fields
}

/** The library is large, and few need it. */
async function load(written: Fields): Promise<KubeConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const kubeconfig = new KubeConfig()
  // Of every user it would read the file that `token-file` names, a field which kubectl does not know.
  const text = JSON.stringify(written, (name, value: unknown) => name === 'token-file' ? undefined : value)
  // Contexts that are none of ours may be as broken as they like.
  kubeconfig.loadFromString(text, { onInvalidEntry: 'filter' })
  return kubeconfig
}

function contextOf(kubeconfig: KubeConfig, wanted: string | undefined) {
  const known = `there are: ${kubeconfig.getContexts().map(({ name }) => name).join(', ')}`
  const name = wanted ?? textOf('the kubeconfig', 'current-context', kubeconfig.getCurrentContext())
  if (name === undefined) throw new Error(`it has no current-context: say which with context; ${known}`)
  const context = kubeconfig.getContextObject(name)
  if (context === null) throw new Error(`it has no context ${JSON.stringify(name)}; ${known}`)
  return context
}

function readCluster({ name, server, caData, caFile, tlsServerName, skipTLSVerify, proxyUrl }: Cluster, kubeconfig: string): Omit<Kubeconfig, 'user'> {
  const wrong = (what: string) => new Error(`the cluster ${JSON.stringify(name)} ${what}`)
  if (skipTLSVerify) throw wrong('has insecure-skip-tls-verify, which does not exist here: give its CA as certificate-authority instead')
  if (textOf(name, 'proxy-url', proxyUrl) !== undefined) throw wrong('has a proxy-url, which is not supported')
  // The value is not repeated: a URL may hold a password.
  const url = URL.canParse(server) ? new URL(server) : undefined
  if (url?.protocol !== 'https:') throw wrong('must have an https URL as server: the credential is never sent in the clear')
  if (url.username + url.password + url.search + url.hash !== '') throw wrong('may have a host, a port and a path in its server, nothing else')
  return {
    server,
    ca: pemOf(textOf(name, 'certificate-authority-data', caData), textOf(name, 'certificate-authority', caFile), kubeconfig),
    tlsServerName: textOf(name, 'tls-server-name', tlsServerName),
  }
}

function writtenUser({ users }: Fields, name: string): Fields {
  const entries = Array.isArray(users) ? users as (Fields | null)[] : []
  return (entries.find(entry => entry?.['name'] === name)?.['user'] ?? {}) as Fields
}
