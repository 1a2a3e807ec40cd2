import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { Config } from '../config/config.ts'
import { readCertificates } from '../files/pem.ts'
import { watchFiles, type Watch } from '../files/watch.ts'
import type { TlsFiles } from '../listen/server.ts'

/** The certificate files of the listener, read and tried; undefined for plain HTTP. Rejects with an Error that names the file. */
export async function readTls({ listen: { tls } }: Config): Promise<TlsFiles | undefined> {
  if (tls === undefined) return undefined
  const [cert, key, clientCa] = await Promise.all([
    readFile(tls.certFile, 'utf8'),
    readFile(tls.keyFile, 'utf8'),
    tls.clientCaFile === undefined ? undefined : readCa(tls.clientCaFile),
  ])
  try {
    createSecureContext({ cert, key })
  } catch (cause) {
    throw new Error(`${tls.certFile} and ${tls.keyFile} are no certificate in PEM with its private key`, { cause })
  }
  return { cert, key, clientCa }
}

/** One or more CA certificates. Rejects with an Error that names the file: without a certificate nobody could be verified. */
export async function readCa(file: string): Promise<string> {
  return requireCa(await readFile(file, 'utf8'), file)
}

/** The text itself. Throws an Error that names where it is from, where that holds no CA certificate. */
export function requireCa(text: string, source: string): string {
  try {
    readCertificates(text)
  } catch (cause) {
    throw new Error(`${source} holds no CA certificate in PEM`, { cause })
  }
  return text
}

/** Follows the certificate files, and the kubeconfigs, of the config in force, whichever that is. */
export class CertificateWatch {
  readonly #onChange: () => void
  readonly #watchFiles: typeof watchFiles
  #files = ''
  #watch: Watch | undefined
  #closed = false

  constructor(onChange: () => void, watch = watchFiles) {
    this.#onChange = onChange
    this.#watchFiles = watch
  }

  /** `clusterFiles`: those that clusters' endpoints stand in. Files that were not followed yet count as changed: they were read before. */
  async follow({ tls }: Config['listen'], clusterFiles: readonly string[]): Promise<void> {
    const files = [tls?.certFile, tls?.keyFile, tls?.clientCaFile, ...clusterFiles].filter(file => file !== undefined)
    if (files.join('\n') === this.#files) return
    const watch = await this.#watchFiles(files, this.#onChange)
    if (this.#closed) return watch.close()
    this.#watch?.close()
    this.#watch = watch
    this.#files = files.join('\n')
    this.#onChange()
  }

  close(): void {
    this.#closed = true
    this.#watch?.close()
  }
}
