import { readFile } from 'node:fs/promises'
import type { Config } from '../config/config.ts'
import type { TlsFiles } from '../listen/server.ts'

/** The certificate files of the listener, read; undefined for plain HTTP. */
export async function readTls({ listen: { tls } }: Config): Promise<TlsFiles | undefined> {
  if (tls === undefined) return undefined
  const [cert, key, clientCa] = await Promise.all([
    readFile(tls.certFile, 'utf8'),
    readFile(tls.keyFile, 'utf8'),
    tls.clientCaFile === undefined ? undefined : readFile(tls.clientCaFile, 'utf8'),
  ])
  return { cert, key, clientCa }
}

/** Every certificate file that the config names. */
export function certificateFiles({ listen: { tls }, clusters }: Config): string[] {
  return [tls?.certFile, tls?.keyFile, tls?.clientCaFile, ...clusters.map(({ caFile }) => caFile)]
    .filter(file => file !== undefined)
}
