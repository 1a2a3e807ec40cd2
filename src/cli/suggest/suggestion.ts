import { describeRequest } from '../../authorize/describe.ts'
import type { CallerDefinition } from '../../model/caller.ts'
import { differenceOf, type DifferentLine } from './difference.ts'
import type { Observed } from './observed.ts'
import { rulesFor, type SuggestedRule } from './rules.ts'
import { Tally, type Done, type Names, type Unsaid } from './tally.ts'
import { isByName, type Today } from './today.ts'
import { unusedOf, type Unused } from './unused.ts'
import { wantsOf } from './wants.ts'

export interface SuggestOptions {
  readonly caller: string
  readonly names: Names
  /** Namespaces that one of these matches are taken together by it. */
  readonly globs: readonly string[]
  /** What rules refused is taken in, too. */
  readonly includeDenied: boolean
}

/** What a log makes of the next scope of a caller. */
export interface Suggestion {
  readonly rules: readonly SuggestedRule[]
  /** Requests that it is made of; those that needed no rule among them. */
  readonly requests: number
  /** Of those, refused then, and taken in all the same. */
  readonly denied: number
  /** Allowed without any rule. */
  readonly discovery: number
  /** When the first and the last of them was; milliseconds since the epoch. */
  readonly first: number
  readonly last: number
  readonly clusters: readonly string[]
  /** Refused and left out, in words, the most frequent first. */
  readonly refused: readonly { readonly what: string, readonly count: number }[]
  readonly unsaid: readonly Unsaid[]
  /** Made as somebody else, by a caller of whom nothing is known: whether rules are needed for that, nobody can tell. */
  readonly impersonated: number
  readonly difference: readonly DifferentLine[]
  /** Empty where nothing is known of today. */
  readonly unused: readonly Unused[]
}

/** Different refusals that are told apart. */
const mostRefusals = 1000

/** Of all requests of a log those of one caller, gathered. */
export class Gathering {
  readonly #options: SuggestOptions
  readonly #today: Today
  readonly #definition: CallerDefinition | undefined
  readonly #tally: Tally
  readonly #refused = new Map<string, number>()
  readonly #clusters = new Set<string>()
  readonly #others = new Map<string, number>()
  #counts = { requests: 0, denied: 0, discovery: 0, impersonated: 0, first: Infinity, last: -Infinity }

  constructor(options: SuggestOptions, today: Today) {
    this.#options = options
    this.#today = today
    this.#definition = today.callers.get(options.caller)
    const names = this.#definition?.grants.flatMap(({ rules }) => rules.flatMap(({ resourceNames }) => resourceNames)) ?? []
    this.#tally = new Tally(options.names, new Set(names), want => isByName(this.#definition, want, new Set(names)))
  }

  take(observed: Observed): void {
    if (observed.caller !== this.#options.caller) {
      if (this.#others.size < mostRefusals || this.#others.has(observed.caller)) this.#others.set(observed.caller, (this.#others.get(observed.caller) ?? 0) + 1)
      return
    }
    if (!observed.allowed && !this.#takesIn(observed)) return this.#refuse(observed)
    const counts = this.#counts
    counts.requests += 1
    counts.first = Math.min(counts.first, observed.at)
    counts.last = Math.max(counts.last, observed.at)
    if (!observed.allowed) counts.denied += 1
    if (observed.cluster !== undefined) this.#clusters.add(observed.cluster)
    if (observed.impersonation !== undefined && this.#definition === undefined) counts.impersonated += 1
    const wants = wantsOf(observed, this.#definition, this.#today)
    if (wants.length === 0) counts.discovery += 1
    for (const want of wants) this.#tally.add(want, observed.at, observed.status)
  }

  /** Other callers of the log, the busiest first. */
  others(): readonly (readonly [name: string, requests: number])[] {
    return [...this.#others].sort((a, b) => b[1] - a[1])
  }

  finish(): Suggestion {
    const done: readonly Done[] = this.#tally.done()
    const rules = rulesFor(done, this.#options.globs)
    return {
      ...this.#counts, rules, clusters: [...this.#clusters].sort(),
      refused: [...this.#refused].map(([what, count]) => ({ what, count })).sort((a, b) => b.count - a.count),
      unsaid: this.#tally.unsaid(),
      difference: differenceOf(this.#definition, rules.map(({ rule }) => rule)),
      unused: this.#definition === undefined ? [] : unusedOf(this.#definition, done),
    }
  }

  /** What no rule would have allowed is no matter of scopes. */
  #takesIn({ code }: Observed): boolean {
    return this.#options.includeDenied && (code === 'ScopeDenied' || code === 'EscalationDenied')
  }

  #refuse({ attributes, code }: Observed): void {
    const what = `${describeRequest({ ...attributes, name: '' })}${code === undefined ? '' : ` (${code})`}`
    if (this.#refused.size >= mostRefusals && !this.#refused.has(what)) return
    this.#refused.set(what, (this.#refused.get(what) ?? 0) + 1)
  }
}
