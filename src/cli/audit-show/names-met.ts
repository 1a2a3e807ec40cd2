import type { LoggedEvent } from '../../audit-log/event.ts'
import { printable } from '../../authorize/quoted.ts'
import { nearestName } from '../../callers/nearest-name.ts'

/** Names that are held of a log, and those of them that are printed. */
const most = { held: 1000, told: 20 }

/** What an event has for a kind of name; undefined: none. */
const kinds = {
  caller: ({ user }: LoggedEvent) => user.username,
  cluster: ({ annotations }: LoggedEvent) => annotations?.['portcullis.dev/cluster'],
} as const

type Kind = keyof typeof kinds

/** Of a log the callers and clusters that it has, where names of such are asked for: to say of one that is not in it which are. */
export class NamesMet {
  readonly #asked: readonly { readonly kind: Kind, readonly missing: Set<string>, readonly met: Set<string> }[]

  constructor(asked: Readonly<Partial<Record<Kind, readonly string[]>>>) {
    this.#asked = (Object.keys(kinds) as Kind[]).flatMap(kind => (asked[kind] ?? []).length === 0 ? [] : [{ kind, missing: new Set(asked[kind]), met: new Set<string>() }])
  }

  take(event: LoggedEvent): void {
    for (const { kind, missing, met } of this.#asked) {
      const name = kinds[kind](event)
      if (name === undefined || name === '') continue
      missing.delete(name)
      if (met.size < most.held) met.add(name)
    }
  }

  /** A line for each that is nowhere in it; harmless to print. */
  lines(): string[] {
    return this.#asked.flatMap(({ kind, missing, met }) => [...missing].map((name) => {
      const nearest = nearestName(name, met)
      const names = [...met].sort()
      const more = names.length - most.told
      const there = names.length === 0 ? 'it names none' : `there are: ${names.slice(0, most.told).join(', ')}${more <= 0 ? '' : ` and ${met.size < most.held ? more : `at least ${more}`} more`}`
      return printable(`no event has ${kind} ${JSON.stringify(name)}${nearest === undefined ? '' : `; is ${nearest} meant?`}; ${there}`)
    }))
  }
}
