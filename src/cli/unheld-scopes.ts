import { soundItems, type Entries } from '../callers/entries.ts'

/** Scopes that are named one by one. */
const most = 10

/** A line on the scopes in force that no caller holds, where there are any: no warning, for a library of scopes may well be shared. */
export function describeUnheld(read: readonly Entries[]): string[] {
  const held = new Set(read.flatMap(({ callers }) => callers).flatMap(caller => [...soundItems(caller, ['scopes'], caller.value.scopes)].map(([, one]) => typeof one === 'string' ? one : one.name)))
  // Of shadow scopes there is a warning.
  const unheld = read.flatMap(({ scopes }) => scopes).filter(({ value }) => value.shadow === undefined && !held.has(value.name)).map(({ value }) => value.name)
  if (unheld.length === 0) return []
  const more = unheld.length - most
  return [`no caller holds ${unheld.length === 1 ? 'scope' : 'scopes'} ${unheld.slice(0, most).join(', ')}${more > 0 ? ` and ${more} more` : ''}`]
}
