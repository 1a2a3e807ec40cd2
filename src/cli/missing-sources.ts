import type { Finding } from '../files/fault.ts'
import { nameOf } from '../issuers/followed-issuer.ts'
import { readSource } from '../issuers/read-source.ts'
import type { CallerDefinition } from '../model/caller.ts'
import type { KeySource } from '../model/identity.ts'

/** Files with issuers' keys that cannot be used on this machine: their tokens would be refused. Nothing is fetched for it. */
export async function findMissingSources(callers: readonly CallerDefinition[]): Promise<Finding[]> {
  const named = new Map<string, { readonly source: KeySource, readonly caller: string }>()
  for (const { name, identities } of callers) {
    for (const { source } of identities?.jwts ?? []) if (source.kind === 'file') named.set(nameOf(source), { source, caller: name })
  }
  const found = await Promise.all([...named.values()].map(async ({ source, caller }): Promise<Finding[]> => {
    return readSource(source, new AbortController().signal).then(() => [], (error: unknown) => {
      return [{ path: ['callers'], message: `caller ${caller}: its jwksFile cannot be used: ${(error as Error).message}` }]
    })
  }))
  return found.flat()
}
