import { readFile, stat } from 'node:fs/promises'
import { whyUnreadable } from '../files/unreadable.ts'
import { watchFiles } from '../files/watch.ts'
import type { Watch } from '../files/watch.ts'
import type { Credential } from './credential.ts'
import { describeToken, readToken } from './token.ts'
import type { Token } from './token.ts'

export interface TokenFileOptions {
  readonly path: string
  /** Told, without the token, of what an operator should know: a file that turned bad, loose permissions. */
  readonly warn: (message: string) => void
  readonly watch?: typeof watchFiles
}

/**
 * A bearer token from a file, reread when it changes (a kubelet swaps a projected
 * token long before the old one ends). Rejects where the first read gives none; a file
 * that turns bad later is reported, and the last good token kept.
 */
export async function createTokenFile({ path, warn, watch = watchFiles }: TokenFileOptions): Promise<Credential> {
  let file: TokenFile | undefined
  let missed = false
  // Followed before it is read, so that no change falls between the two.
  const following = await watch([path], () => {
    missed = true
    void file?.reread()
  })
  try {
    file = new TokenFile(path, await readTokenFile(path), warn)
    if (missed) await file.reread()
    await warnOfReaders(path, warn)
  } catch (error) {
    following.close()
    throw error
  }
  return toCredential(file, following)
}

function toCredential(file: TokenFile, following: Watch): Credential {
  return {
    authorization: () => file.token.authorization,
    async renew(rejected) {
      await file.reread()
      return file.token.authorization !== rejected
    },
    expiresAt: () => file.token.claims.expiresAt,
    account: () => file.token.claims.account,
    describe: () => `the token in ${file.path}, ${describeToken(file.token)}`,
    close: () => following.close(),
  }
}

class TokenFile {
  readonly path: string
  token: Token
  readonly #warn: (message: string) => void
  #rereading: Promise<void> | undefined

  constructor(path: string, token: Token, warn: (message: string) => void) {
    this.path = path
    this.token = token
    this.#warn = warn
  }

  /** Never rejects: the last good token stays. Calls at the same time share one read. */
  reread(): Promise<void> {
    this.#rereading ??= readTokenFile(this.path)
      .then((token) => { this.token = token })
      .catch((error: unknown) => this.#warn(`${(error as Error).message}; the last good token stays in use`))
      .finally(() => { this.#rereading = undefined })
    return this.#rereading
  }
}

async function readTokenFile(path: string): Promise<Token> {
  try {
    return readToken(await readFile(path, 'utf8'))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Error(`the token file ${path} ${code === undefined ? message : whyUnreadable(error)}`, { cause: error })
  }
}

// Not refused: the kubelet writes projected tokens 0644 where a pod sets no fsGroup.
async function warnOfReaders(path: string, warn: (message: string) => void): Promise<void> {
  const { mode } = await stat(path)
  if ((mode & 0o007) === 0) return
  warn(`the token file ${path} is open to every user of this machine (mode ${(mode & 0o777).toString(8)})`)
}
