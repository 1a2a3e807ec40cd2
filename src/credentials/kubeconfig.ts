import { isDeepStrictEqual } from 'node:util'
import type { watchFiles } from '../files/watch.ts'
import { readSecret } from '../files/secret.ts'
import { readCertificate } from './certificate.ts'
import { readPublic } from './client-certificate.ts'
import type { Credential } from './credential.ts'
import { createFollowed, type Material } from './followed.ts'
import { readKubeconfig, type Kubeconfig, type KubeconfigSource } from './kubeconfig-file.ts'
import type { KubeconfigUser, Pem } from './kubeconfig-user.ts'
import { readToken } from './token.ts'
import { readTokenFile } from './token-file.ts'

export interface KubeconfigOptions extends KubeconfigSource {
  /** The reading that the connections are made for. A user with an exec plugin is not for here. */
  readonly made: Kubeconfig
  /** Told, without the secret, of files that turned bad. */
  readonly warn: (message: string) => void
  readonly watch?: typeof watchFiles
}

/**
 * The token or the client certificate of a kubeconfig's user; it and the files that it names are reread
 * when they change. What comes with another server is for that one alone, and never taken.
 */
export function createKubeconfig({ made, warn, watch, ...source }: KubeconfigOptions): Promise<Credential> {
  return createFollowed({
    kind: 'kubeconfig', source: nameOf(source), renewal: 'read again when the kubeconfig or a file that it names changes',
    paths: [source.file, ...filesOf(made.user)], read: () => readAnew(source, made), warn, ...watch === undefined ? {} : { watch },
  })
}

/** A plugin that a kubeconfig names, told of as the kubeconfig's. */
export function ofKubeconfig(plugin: Credential, source: Pick<KubeconfigSource, 'file' | 'context'>): Credential {
  return {
    present: () => plugin.present(),
    renew: rejected => plugin.renew(rejected),
    facts: () => {
      const facts = plugin.facts()
      return { ...facts, kind: 'kubeconfig', source: `${nameOf(source)}, ${facts.source}` }
    },
    close: () => plugin.close(),
  }
}

/** What is there now. Rejects, naming the kubeconfig, where there is nothing without asking a plugin. */
export async function readMaterial(source: KubeconfigSource): Promise<Material> {
  return materialOf(await readKubeconfig(source), source)
}

/** The connections go where the kubeconfig said when they were made: a token that came with another server would leave for the wrong one. */
async function readAnew(source: KubeconfigSource, made: Kubeconfig): Promise<Material> {
  const kubeconfig = await readKubeconfig(source)
  if (!isDeepStrictEqual(clusterOf(kubeconfig), clusterOf(made))) {
    throw new Error(`${nameOf(source)} now names another server, or another CA or name of it`)
  }
  return materialOf(kubeconfig, source)
}

function clusterOf({ server, ca, tlsServerName }: Kubeconfig): Omit<Kubeconfig, 'user'> {
  return { server, ca, tlsServerName }
}

async function materialOf({ user }: Kubeconfig, source: KubeconfigSource): Promise<Material> {
  try {
    switch (user.kind) {
      case 'token': return readToken(user.token)
      case 'tokenFile': return await readTokenFile(user.file, source.allowLoose)
      case 'certificate': return readCertificate({
        cert: await readPem(user.cert, file => readPublic(file, source.allowLoose)),
        key: await readPem(user.key, file => readSecret(file, source)),
      })
      case 'exec': throw new Error('its user has an exec plugin')
    }
  } catch (cause) {
    throw new Error(`${nameOf(source)}: ${user.kind === 'token' ? 'the token ' : ''}${(cause as Error).message}`, { cause })
  }
}

function readPem(pem: Pem, read: (file: string) => Promise<string>): Promise<string> | string {
  return 'file' in pem ? read(pem.file) : pem.text
}

function filesOf(user: KubeconfigUser): string[] {
  switch (user.kind) {
    case 'token':
    case 'exec': return []
    case 'tokenFile': return [user.file]
    case 'certificate': return [user.cert, user.key].flatMap(pem => 'file' in pem ? [pem.file] : [])
  }
}

function nameOf({ file, context }: Pick<KubeconfigSource, 'file' | 'context'>): string {
  return `the ${context === undefined ? 'current context' : `context ${JSON.stringify(context)}`} of the kubeconfig ${file}`
}
