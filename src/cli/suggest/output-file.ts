import { readFile } from 'node:fs/promises'
import { replaceFile } from '../../files/replace.ts'
import { whyUnreadable } from '../../files/unreadable.ts'
import { readYaml } from '../../files/yaml.ts'

/** What is in the place of a scope that is to be written: nothing, or a scope that an earlier run wrote there. */
export interface Taken {
  /** Undefined: there is no file. */
  readonly scope: string | undefined
}

/**
 * Looks at a file that a scope of this name is to be written to. Rejects where it holds anything but one scope of the
 * same name: nothing that somebody else wrote is lost.
 */
export async function lookAtOutput(file: string, name: string): Promise<Taken> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`${file} ${whyUnreadable(error)}`)
  })
  if (text === undefined || text.trim() === '') return { scope: undefined }
  const { documents, faults } = readYaml(file, text)
  const [only, second] = documents
  if (faults.length > 0 || second !== undefined || !isOneScope(only?.value, name)) {
    throw new Error(`${file} is there and holds something else than a scope ${name}: name another file, or move this one away`)
  }
  return { scope: name }
}

function isOneScope(value: unknown, name: string): boolean {
  if (typeof value !== 'object' || value === null || Object.keys(value).join() !== 'scopes') return false
  const { scopes } = value as { readonly scopes: unknown }
  return Array.isArray(scopes) && scopes.length === 1 && (scopes[0] as { readonly name?: unknown } | null)?.name === name
}

/** Whole or not at all: whoever reads the folder meanwhile finds what was there before, or all of it. */
export async function writeOutput(file: string, text: string): Promise<void> {
  await replaceFile(file, text).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException
    throw new Error(code === 'ENOENT' ? `${file}: its folder does not exist: make it first` : `${file} cannot be written: ${code ?? (error as Error).message}`, { cause: error })
  })
}
