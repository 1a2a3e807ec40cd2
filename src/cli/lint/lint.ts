import { locateIn } from '../../callers/entries.ts'
import { byPosition, type Fault } from '../../files/fault.ts'
import { reachesMeet } from '../rbac/reach.ts'
import { farReaches, makesSecrets, mintsThroughSecrets, placeOf, readsSecrets } from './far-reach.ts'
import { heldRules, type HeldRule, type PlacedRule, type Written } from './held-rules.ts'
import { lintCaller } from './lint-caller.ts'

export interface Linted {
  /** One a rule and kind, however many callers hold the rule. */
  readonly warnings: readonly Fault[]
  /** Callers whose rules reach further than they say, by name. */
  readonly farReaching: ReadonlySet<string>
}

/** What sound callers and scopes say that is likely more than was meant. Shadow scopes grant nothing, whatever they say. */
export function lintCallers({ scopes, callers }: Written): Linted {
  const written = { callers, scopes: scopes.filter(({ value }) => value.shadow === undefined) }
  const held = heldRules(written)
  const minting = rulesThatMint(held)
  const warnings: Fault[] = written.callers.flatMap(caller => lintCaller(caller, written.scopes))
  const farReaching = new Set<string>()
  for (const [placed, holders] of groupBy(held, ({ placed }) => placed)) {
    const found = lintRule(placed, holders.some(isAcross), minting.has(placed))
    warnings.push(...found)
    if (found.length > 0) for (const { caller } of holders) if (caller !== undefined) farReaching.add(caller)
  }
  return { warnings: byPosition(warnings), farReaching }
}

function groupBy<K, T>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}

/** In more namespaces than were named one by one. */
function isAcross({ reach }: HeldRule): boolean {
  return reach.all || reach.globs.length > 0
}

/** What a wildcard holds is told with it, and not once more. */
function lintRule(placed: PlacedRule, across: boolean, mints: boolean): Fault[] {
  const { rule } = placed
  const reaches = farReaches.filter(({ acrossNamespaces }) => acrossNamespaces !== true || across)
    .map(reach => ({ ...reach, place: placeOf(rule, reach.rights) }))
    .filter(({ place }) => place !== -1)
  const wild = (['verbs', 'resources'] as const).filter(field => rule[field].includes('*'))
  const [first] = wild
  if (first !== undefined) {
    const secrets = !across && placeOf(rule, [readsSecrets]) !== -1 ? ['secrets'] : []
    const held = [...secrets, ...reaches.map(({ short }) => short), ...mints ? ['tokens through Secrets'] : [], 'whatever is added later']
    const message = `${wild.join(' and ')} ${wild.length === 1 ? 'is a wildcard' : 'are wildcards'}, which also ${wild.length === 1 ? 'holds' : 'hold'} ${listed(held)}: name what is needed`
    return [warn(placed, [first, rule[first].indexOf('*')], message)]
  }
  return [
    ...reaches.map(({ place, message }) => warn(placed, ['resources', place], message)),
    ...mints ? [warn(placed, ['resources', placeOf(rule, [makesSecrets])], mintsThroughSecrets)] : [],
  ]
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}

function warn({ entry, path }: PlacedRule, within: readonly (string | number)[], message: string): Fault {
  return locateIn(entry, [...path, ...within], message)
}

/** Rules that make Secrets where the same caller, by this rule or another, reads them; of a scope that nobody holds, the same scope. */
function rulesThatMint(held: readonly HeldRule[]): ReadonlySet<PlacedRule> {
  const having = (right: typeof readsSecrets) => held.filter(({ placed }) => placeOf(placed.rule, [right]) !== -1)
  const holderOf = ({ caller, placed }: HeldRule) => caller ?? placed.entry
  const readers = groupBy(having(readsSecrets), holderOf)
  return new Set(having(makesSecrets)
    .filter(one => readers.get(holderOf(one))?.some(reader => reachesMeet(one.reach, reader.reach)))
    .map(({ placed }) => placed))
}
