import { readFile } from 'node:fs/promises'
import { readSecret } from '../files/secret.ts'
import { whyUnreadable } from '../files/unreadable.ts'
import type { watchFiles } from '../files/watch.ts'
import { readCertificate } from './certificate.ts'
import type { Credential } from './credential.ts'
import { createFollowed, type Material } from './followed.ts'

export interface ClientCertificateOptions {
  /** PEM: the certificate first, then the chain that it needs. */
  readonly certFile: string
  /** PEM. */
  readonly keyFile: string
  /** Read the key though every user of the machine may. */
  readonly allowLoose: boolean
  /** Told, without the key, of files that turned bad. */
  readonly warn: (message: string) => void
  readonly watch?: typeof watchFiles
}

/**
 * An X.509 pair from two files, reread when one of them changes. Rejects where the first reading
 * gives no pair. Later the last good pair stays until both fit again: who renews them writes one first.
 */
export function createClientCertificate({ warn, watch, ...files }: ClientCertificateOptions): Promise<Credential> {
  const { certFile, keyFile } = files
  return createFollowed({
    kind: 'clientCertificate', source: `the certificate ${certFile}`, renewal: 'read again when the files change',
    paths: [certFile, keyFile], read: () => readFiles(files), warn, ...watch === undefined ? {} : { watch },
  })
}

async function readFiles({ certFile, keyFile, allowLoose }: Pick<ClientCertificateOptions, 'certFile' | 'keyFile' | 'allowLoose'>): Promise<Material> {
  const [cert, key] = await Promise.all([readPublic(certFile, allowLoose), readSecret(keyFile, { allowLoose })])
  try {
    return readCertificate({ cert, key })
  } catch (cause) {
    throw new Error(`the certificate ${certFile} with the key ${keyFile}: ${(cause as Error).message}`, { cause })
  }
}

/** Anybody may read a certificate, unless its key lies in the same file. */
export async function readPublic(path: string, allowLoose: boolean): Promise<string> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => { throw new Error(`the file ${path} ${whyUnreadable(cause)}`, { cause }) })
  return text.includes('PRIVATE KEY-----') ? readSecret(path, { allowLoose }) : text
}
