import { open } from 'node:fs/promises'
import { whyUnreadable } from './unreadable.ts'

export interface SecretOptions {
  /** Read it though every user of the machine may. */
  readonly allowLoose: boolean
}

/**
 * The text of a file that holds a secret. Rejects, naming the file, where it cannot be
 * read, and where others than its owner and its group may read or write it.
 */
export async function readSecret(path: string, { allowLoose }: SecretOptions): Promise<string> {
  const file = await open(path).catch((cause: unknown) => { throw new Error(`the file ${path} ${whyUnreadable(cause)}`, { cause }) })
  try {
    // Of the file that is read, not of the one that has the name a moment later.
    const { mode } = await file.stat()
    if (!allowLoose && isLoose(mode)) throw new Error(looseMessage(path, mode))
    return await file.readFile('utf8').catch((cause: unknown) => { throw new Error(`the file ${path} ${whyUnreadable(cause)}`, { cause }) })
  } finally {
    await file.close()
  }
}

/** Whether others than its owner and its group may read, write or run it. */
export function isLoose(mode: number): boolean {
  return (mode & 0o007) !== 0
}

export function looseMessage(path: string, mode: number): string {
  return `${openToAll(path, mode)}; --allow-loose-permissions reads it all the same`
}

/** That it is so, and what to do. */
export function openToAll(path: string, mode: number): string {
  return `the file ${path} is open to every user of this machine (mode ${(mode & 0o777).toString(8).padStart(4, '0')}): `
    + 'take it from them with chmod o-rwx, or a volume\'s with defaultMode: 0440 and an fsGroup'
}
