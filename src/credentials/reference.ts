import { readSecret } from '../files/secret.ts'

/** Where a user name or a password stands. */
export type Reference =
  | { readonly kind: 'file', readonly path: string }
  | { readonly kind: 'env', readonly variable: string }

export interface ReferenceOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Read a file though every user of the machine may. */
  readonly allowLoose: boolean
}

/**
 * What stands there now, less one line break at its end, which editors and `echo` leave.
 * Rejects, naming the place and never repeating what stands in it, where there is nothing.
 */
export async function readReference(reference: Reference, { env, allowLoose }: ReferenceOptions): Promise<string> {
  const text = reference.kind === 'file' ? await readSecret(reference.path, { allowLoose }) : env[reference.variable]
  if (text === undefined) throw new Error(`${describeReference(reference)} is not set`)
  const value = text.replace(/\r?\n$/, '')
  if (value === '') throw new Error(`${describeReference(reference)} is empty`)
  return value
}

export function describeReference(reference: Reference): string {
  return reference.kind === 'file' ? `the file ${reference.path}` : `the environment variable ${reference.variable}`
}
