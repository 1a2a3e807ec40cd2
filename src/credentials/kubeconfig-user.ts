import { dirname, resolve } from 'node:path'
import type { User } from '@kubernetes/client-node'
import type { Fields } from '../json-fields.ts'
import type { ExecApiVersion } from './exec-info.ts'

/** A PEM text in the kubeconfig itself, or in a file of its own. */
export type Pem = { readonly text: string } | { readonly file: string }

const apiVersions: readonly ExecApiVersion[] = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1']

export interface KubeconfigExec {
  readonly apiVersion: ExecApiVersion
  /** An absolute path, or a name to be found on PATH. */
  readonly command: string
  readonly args: readonly string[]
  readonly env: readonly { readonly name: string, readonly value: string }[]
  readonly provideClusterInfo: boolean
}

/** How the user of a context proves itself; paths absolute. */
export type KubeconfigUser =
  | { readonly kind: 'token', readonly token: string }
  | { readonly kind: 'tokenFile', readonly file: string }
  | { readonly kind: 'certificate', readonly cert: Pem, readonly key: Pem }
  | { readonly kind: 'exec', readonly exec: KubeconfigExec }

/**
 * Which one it is. `written` is the entry as it stands in the file: the client library keeps no
 * `tokenFile` and no `as-groups`. Throws, saying what to do, for a user that is none or several,
 * and for what would make us somebody else than it looks; no message repeats a value.
 */
export function readUser(user: User, written: Fields, kubeconfig: string): KubeconfigUser {
  const refusal = whyRefused(user, written)
  if (refusal !== undefined) throw new Error(`the user ${JSON.stringify(user.name)} ${refusal}`)
  const found = [readToken(user, written, kubeconfig), readCertificate(user, kubeconfig), readExec(user, kubeconfig)].filter(one => one !== undefined)
  const [only, another] = found
  if (only === undefined) throw new Error(`the user ${JSON.stringify(user.name)} has no credential: no token, tokenFile, client-certificate or exec`)
  // client-go would send both, and which of them the API server takes is its own affair.
  if (another !== undefined) throw new Error(`the user ${JSON.stringify(user.name)} has several credentials: keep one of token, client-certificate and exec`)
  return only
}

/** What of it is no secret: while this stays the same, the same files are to be followed. */
export function formOf(user: KubeconfigUser): unknown {
  switch (user.kind) {
    case 'token': return { kind: user.kind }
    case 'certificate': return { kind: user.kind, cert: placeOf(user.cert), key: placeOf(user.key) }
    case 'tokenFile':
    case 'exec': return user
  }
}

function placeOf(pem: Pem): string {
  return 'file' in pem ? pem.file : ''
}

function whyRefused({ username, password, authProvider }: User, written: Fields): string | undefined {
  if (hasText(username) || hasText(password)) {
    return 'has a user name and a password, which API servers take no more: on OpenShift use the credential oauthSession, elsewhere tokenFile or exec'
  }
  if ((authProvider ?? undefined) !== undefined) return 'has an auth-provider, which Kubernetes 1.26 removed: use its exec plugin, here or as the credential exec'
  // To leave it out would be to act with more power than the file gives.
  if (Object.keys(written).some(name => name === 'as' || name.startsWith('as-'))) {
    return 'impersonates another one (as), which is not supported: name that one\'s own credential'
  }
  return undefined
}

function hasText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

/** As client-go: the file comes first, since it is the one that somebody renews. */
function readToken({ name, token }: User, { tokenFile }: Fields, kubeconfig: string): KubeconfigUser | undefined {
  const file = textOf(name, 'tokenFile', tokenFile)
  if (file !== undefined) return { kind: 'tokenFile', file: besides(kubeconfig, file) }
  const inline = textOf(name, 'token', token)
  return inline === undefined ? undefined : { kind: 'token', token: inline }
}

function readCertificate({ name, certData, certFile, keyData, keyFile }: User, kubeconfig: string): KubeconfigUser | undefined {
  const cert = pemOf(textOf(name, 'client-certificate-data', certData), textOf(name, 'client-certificate', certFile), kubeconfig)
  const key = pemOf(textOf(name, 'client-key-data', keyData), textOf(name, 'client-key', keyFile), kubeconfig)
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined) throw new Error(`the user ${JSON.stringify(name)} has a client-certificate or a client-key, and needs both`)
  return { kind: 'certificate', cert, key }
}

/** As client-go: what stands in the kubeconfig comes before the file that it names. */
export function pemOf(data: string | undefined, file: string | undefined, kubeconfig: string): Pem | undefined {
  if (data !== undefined) return { text: Buffer.from(data, 'base64').toString() }
  return file === undefined ? undefined : { file: besides(kubeconfig, file) }
}

/** Paths in a kubeconfig are relative to it. */
function besides(kubeconfig: string, path: string): string {
  return resolve(dirname(kubeconfig), path)
}

function readExec({ name, exec }: User, kubeconfig: string): KubeconfigUser | undefined {
  if ((exec ?? undefined) === undefined) return undefined
  const { apiVersion, command, args, env, provideClusterInfo, interactiveMode } = exec as Fields
  const wrong = (what: string) => new Error(`the exec plugin of user ${JSON.stringify(name)} ${what}`)
  const version = apiVersions.find(known => known === apiVersion)
  if (version === undefined) throw wrong(`must have one of these as apiVersion: ${apiVersions.join(', ')}`)
  const program = textOf(name, 'exec.command', command)
  if (program === undefined) throw wrong('has no command')
  if (interactiveMode === 'Always') throw wrong('asks somebody at a terminal (interactiveMode: Always), and here is none')
  if (!isTexts(args ?? [])) throw wrong('must have a list of texts as args')
  if (!isVariables(env ?? [])) throw wrong('must have a list of name and value as env')
  return {
    kind: 'exec',
    exec: {
      apiVersion: version,
      // A mere name is found on PATH.
      command: program.includes('/') ? besides(kubeconfig, program) : program,
      args: (args ?? []) as string[],
      env: (env ?? []) as KubeconfigExec['env'],
      provideClusterInfo: provideClusterInfo === true,
    },
  }
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(item => typeof item === 'string')
}

function isVariables(value: unknown): boolean {
  return Array.isArray(value) && value.every((item: unknown) => {
    const { name, value: text } = (item ?? {}) as Fields
    return typeof name === 'string' && typeof text === 'string'
  })
}

/** Undefined where it is missing or empty. */
export function textOf(owner: string, field: string, value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'string') throw new Error(`${field} of ${JSON.stringify(owner)} must be a text`)
  return value
}
