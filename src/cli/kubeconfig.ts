import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import type { Readable } from 'node:stream'
import { mayUseCluster } from '../authorize/source.ts'
import type { Config } from '../config/config.ts'
import { requireConfig } from '../config/load.ts'
import { whyUnreadable } from '../files/unreadable.ts'
import type { CallerDefinition } from '../model/caller.ts'
import { findCluster } from './find-cluster.ts'
import { requireKey } from './kubeconfig/check-key.ts'
import { printKubeconfig } from './kubeconfig/print.ts'
import { serverUrl } from './kubeconfig/server-url.ts'
import { isFor, trustOf } from './kubeconfig/trust.ts'
import { messageOf, write, type Output } from './output.ts'
import { isNamespace, reachOf } from './rbac/reach.ts'
import { placeOfCallers, requireStored } from './stored-callers.ts'

export interface KubeconfigArgs {
  readonly configFile: string
  readonly caller: string
  /** URL of the proxy. */
  readonly server: string
  readonly cluster?: string | undefined
  /** `-` is stdin; without one the kubeconfig has no key. */
  readonly keyFile?: string | undefined
  readonly certificateAuthority?: string | undefined
  readonly namespace?: string | undefined
}

export interface KubeconfigDeps {
  readonly stdin: Readable
  /** The kubeconfig and nothing else. */
  readonly stdout: Output
  readonly stderr: Output
  /** For callers that are kept in a cluster: its credential may be there. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** `portcullis kubeconfig`: prints one for a caller. Returns the exit code: 0 done, 1 a fault in what was given, and then nothing is printed. */
export async function kubeconfigCommand(args: KubeconfigArgs, deps: KubeconfigDeps): Promise<number> {
  try {
    const { kubeconfig, notes } = await make(args, deps)
    await write(deps.stdout, kubeconfig)
    for (const note of notes) await write(deps.stderr, `portcullis kubeconfig: ${note}\n`)
    return 0
  } catch (error) {
    await write(deps.stderr, `portcullis kubeconfig: ${messageOf(error)}\n`)
    return 1
  }
}

async function make(args: KubeconfigArgs, { stdin, now, env = {} }: KubeconfigDeps): Promise<{ kubeconfig: string, notes: string[] }> {
  const server = serverUrl(args.server, args.cluster)
  // First of all: `key create` before a pipe has the digest in the file when the key comes out, and not before.
  const given = args.keyFile === undefined ? undefined : await readGiven(args.keyFile, stdin)
  const { config } = await requireConfig(args.configFile)
  const { callers, keys } = await requireStored(config, { env, now: now() })
  const definition = callers.find(({ name }) => name === args.caller)
  if (definition === undefined) throw new Error(`there is no caller ${JSON.stringify(args.caller)} in ${placeOfCallers(config)}`)
  requireCluster(config, definition, args.cluster)
  const namespace = namespaceFor(definition, args.namespace)
  const key = given === undefined ? undefined : fromFile(given.source, () => requireKey(given.content, { caller: args.caller, findKey: id => keys.get(id), now: now() }))
  const { ca, notes } = await findCa(args, config, new URL(server).hostname)
  const kubeconfig = printKubeconfig({ caller: args.caller, cluster: args.cluster, server, ca, namespace, key })
  return { kubeconfig, notes: [...notes, key === undefined ? howToAddKey(args.caller) : `it holds the key of ${args.caller}: keep it in a file that you alone may read (umask 077, then > ${args.caller}.kubeconfig)`] }
}

function howToAddKey(caller: string): string {
  return `it holds no key: make it again with --key-file ${caller}.key, or with --key-file - and the key on stdin; on a command line others would see it`
}

function requireCluster({ clusters }: Config, definition: CallerDefinition, named: string | undefined): void {
  const { name } = findCluster(clusters, named)
  if (mayUseCluster(definition, name)) return
  const usable = clusters.filter(cluster => mayUseCluster(definition, cluster.name)).map(cluster => cluster.name)
  const cure = usable.length === 0 ? 'nor any other' : `--cluster takes one of: ${usable.join(', ')}`
  throw new Error(`caller ${definition.name} may not use cluster ${name}${named === undefined ? ', the default one' : ''}; ${cure}`)
}

/** The first that the caller's rules name plainly: where it is at home, most likely. */
function namespaceFor({ grants }: CallerDefinition, named: string | undefined): string | undefined {
  if (named !== undefined && !isNamespace(named)) throw new Error('--namespace must be the name of one: lower-case letters, digits and -')
  return named ?? grants.flatMap(grant => grant.rules.filter(rule => rule.resources.length > 0).flatMap(rule => reachOf(rule, grant).names))[0]
}

interface Given { readonly content: string, readonly source: string }

async function readGiven(file: string, stdin: Readable): Promise<Given> {
  return file === '-' ? { content: await text(stdin), source: 'the key on stdin' } : { content: await readText(file), source: file }
}

interface Ca { readonly ca: string | undefined, readonly notes: string[] }

/** What clients are to trust, with what to say of it. */
async function findCa({ certificateAuthority }: KubeconfigArgs, { listen: { tls } }: Config, hostname: string): Promise<Ca> {
  if (certificateAuthority !== undefined) {
    const pem = await readText(certificateAuthority)
    return { ca: fromFile(certificateAuthority, () => { trustOf(pem); return pem }), notes: [] }
  }
  if (tls === undefined) return { ca: undefined, notes: ['the config names no certificate: where clients do not trust the one that they meet, give its CA with --certificate-authority'] }
  const pem = await readText(tls.certFile)
  const trust = fromFile(tls.certFile, () => trustOf(pem))
  const notes = isFor(pem, hostname) ? [] : [`the certificate in ${tls.certFile} is not for ${hostname}: clients that meet it will refuse it`]
  switch (trust.kind) {
    case 'certificate': return { ca: trust.pem, notes }
    case 'public': return { ca: undefined, notes }
    case 'elsewhere': return { ca: undefined, notes: [...notes, `the certificate in ${tls.certFile} was issued by ${trust.issuer}, whose certificate is not in the file: clients must trust it already, or give it with --certificate-authority`] }
  }
}

function fromFile<T>(file: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new Error(`${file}: ${messageOf(error)}`, { cause: error })
  }
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => { throw new Error(`${file} ${whyUnreadable(error)}`, { cause: error }) })
}
