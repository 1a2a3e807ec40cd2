import { readSecret } from '../files/secret.ts'
import type { watchFiles } from '../files/watch.ts'
import type { Credential, CredentialFacts } from './credential.ts'
import { createFollowed } from './followed.ts'
import { readToken, type Token } from './token.ts'

export interface TokenFileOptions {
  readonly path: string
  /** Read it though every user of the machine may. */
  readonly allowLoose: boolean
  /** Told, without the token, of a file that turned bad. */
  readonly warn: (message: string) => void
  readonly watch?: typeof watchFiles
  readonly kind?: CredentialFacts['kind']
}

/**
 * A bearer token from a file, reread when it changes (a kubelet swaps a projected
 * token long before the old one ends). Rejects where the first read gives none; a file
 * that turns bad later is reported, and the last good token kept.
 */
export function createTokenFile({ path, allowLoose, kind = 'tokenFile', ...rest }: TokenFileOptions): Promise<Credential> {
  return createFollowed({
    ...rest, kind, source: `the file ${path}`, renewal: 'read again when the file changes',
    paths: [path], read: () => readTokenFile(path, allowLoose),
  })
}

/** Rejects with an Error that names the file and does not repeat it. */
export async function readTokenFile(path: string, allowLoose: boolean): Promise<Token> {
  const text = await readSecret(path, { allowLoose })
  try {
    return readToken(text)
  } catch (cause) {
    throw new Error(`the token file ${path} ${(cause as Error).message}`, { cause })
  }
}
