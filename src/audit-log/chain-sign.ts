import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import type { CompactJWSHeaderParameters } from 'jose'
import { readSecret, type SecretOptions } from '../files/secret.ts'
import type { ChainPoint } from './chain.ts'

/** What a signature says: that a file has these lines of the chain, and by the last one's digest all before it. */
export interface Statement {
  /** The file's name, without folder and without `.gz`. */
  readonly file: string
  readonly lines: number
  readonly first: ChainPoint
  readonly last: ChainPoint
  /** RFC 3339. */
  readonly signedAt: string
}

/** A statement as compact JWS (RFC 7515, RFC 8037). */
export type Sign = (statement: Statement) => Promise<string>

/** So that nothing else that the key signs passes for a statement. */
export const statementType = 'portcullis-audit+jws'

/** Signs with an Ed25519 key in a file (PEM, PKCS#8). Rejects, naming the file and what to do, where there is none in it or everybody may read it. */
export async function createSign(file: string, options: SecretOptions): Promise<Sign> {
  const key = ed25519(file, createPrivateKey, await readSecret(file, options), 'a private Ed25519 key in PEM (PKCS#8): openssl genpkey -algorithm ed25519 -out FILE makes one')
  // Imported when it is needed, as commands import what they need.
  const { calculateJwkThumbprint, CompactSign, exportJWK } = await import('jose')
  const header: CompactJWSHeaderParameters = { alg: 'EdDSA', typ: statementType, kid: await calculateJwkThumbprint(await exportJWK(createPublicKey(key))) }
  return statement => new CompactSign(Buffer.from(JSON.stringify(statement))).setProtectedHeader(header).sign(key)
}

/** Throws where the text holds no such key; the message repeats nothing of it. */
export function ed25519(file: string, read: (pem: string) => KeyObject, pem: string, wanted: string): KeyObject {
  let key: KeyObject
  try {
    key = read(pem)
  } catch (cause) {
    throw new Error(`the file ${file} does not hold ${wanted}`, { cause })
  }
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`the file ${file} holds a key of type ${key.asymmetricKeyType}, not ${wanted}`)
  return key
}
