import { soundItems, type Entry, type WrittenGrant } from './entries.ts'
import { nearestName } from './nearest-name.ts'
import type { Report } from './report.ts'
import type { WrittenCaller } from './schema.ts'

type Scopes = ReadonlyMap<string, Entry<WrittenGrant>>

/** Warnings of shadow scopes that show beside others: what they replace, and who holds them. None can be a fault, for they grant nothing. */
export function checkShadows(scopes: Scopes, callers: readonly Entry<WrittenCaller>[], report: Report): void {
  const shadows = [...scopes.values()].filter(({ value, sound }) => value.shadow !== undefined && sound([]))
  if (shadows.length === 0) return
  const held = new Set(callers.flatMap(caller => [...soundItems(caller, ['scopes'], caller.value?.scopes)].map(([, reference]) => typeof reference === 'string' ? reference : reference.name)))
  for (const entry of shadows) {
    const { name, shadow } = entry.value
    if (!held.has(name)) report.warn(entry, [], 'is a shadow scope that nobody holds, so that nothing is judged by it: add it to the scopes of the callers that it is for')
    if (shadow?.replaces?.length === 0) report.warn(entry, ['replaces'], 'is empty, so that it would take nothing away: name scopes, or leave it out for all that its callers hold')
    for (const [index, replaced] of (shadow?.replaces ?? []).entries()) {
      const wrong = whyWrong(name, replaced, scopes)
      if (wrong !== undefined) report.warn(entry, ['replaces', index], wrong)
    }
  }
}

function whyWrong(name: string, replaced: string, scopes: Scopes): string | undefined {
  if (replaced === name) return 'names the scope itself, which is not in force: name the scopes that it is to take the place of'
  const other = scopes.get(replaced)
  if (other === undefined) {
    const nearest = nearestName(replaced, scopes.keys())
    return `names no scope: ${replaced}, so that nothing is replaced by it${nearest === undefined ? '' : `; is ${nearest} meant?`}`
  }
  if (other.value.shadow === undefined) return undefined
  const circle = leadsTo(replaced, name, scopes) ? ', and that one replaces this one in turn: a circle' : ''
  return `names a shadow scope, ${replaced}, which grants nothing that could be replaced${circle}; name the scopes in force`
}

/** Whether one shadow scope replaces another, or one that does. */
function leadsTo(from: string, to: string, scopes: Scopes): boolean {
  const seen = new Set<string>()
  const left = [from]
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    if (name === to) return true
    if (seen.has(name)) continue
    seen.add(name)
    left.push(...scopes.get(name)?.value.shadow?.replaces ?? [])
  }
  return false
}
