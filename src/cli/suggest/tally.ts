import { redacted } from '../../redaction/redact.ts'
import type { Attributes } from '../../model/attributes.ts'
import type { GuardRoute } from '../../model/caller.ts'
import { whyUnsaid, type Want } from './wants.ts'

/** How names of objects come into rules: `few` leaves them out where there are more than `fewNames`, or generated ones. */
export type Names = 'few' | 'all' | 'none'

export const fewNames = 8

/** Beyond this what was done is no scope any more, and holding it no small matter. */
const most = { entries: 20_000, names: 20_000, told: 200 }

/** What was done alike, but for the names of objects. */
export interface Done {
  readonly verbs: readonly string[]
  /** The name in it stands for nothing. */
  readonly asked: Attributes
  readonly acknowledge: readonly GuardRoute[]
  /** Each, or as many as are worth holding; empty: the requests named none. */
  readonly names: ReadonlySet<string>
  /** Why a rule for it names no objects; undefined: it does. */
  readonly nameless: 'all' | 'many' | 'generated' | 'asked' | 'create' | undefined
  /** Of the names that today's rules have, those that were met. */
  readonly met: ReadonlySet<string>
  readonly count: number
  /** When it was done last; milliseconds since the epoch. */
  readonly last: number
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type Entry = Mutable<Omit<Done, 'names' | 'met'>> & { readonly names: Set<string>, readonly met: Set<string> }

/** What no rule can say, with how often and why. */
export interface Unsaid {
  readonly want: Want
  readonly why: string
  count: number
}

/** Names as the API server makes them of `generateName`, and ReplicaSets' of their templates (k8s.io/apimachinery util/rand): gone with the next rollout. */
const generated = /-[bcdfghjklmnpqrstvwxz2456789]{5}$/

/** Counts what was done, whatever the number of requests: it grows with what is different in them alone. */
export class Tally {
  readonly #names: Names
  readonly #interesting: ReadonlySet<string>
  readonly #done = new Map<string, Entry>()
  readonly #unsaid = new Map<string, Unsaid>()

  /** `interesting`: names that are to be told apart whatever their number. */
  constructor(names: Names, interesting: ReadonlySet<string>) {
    this.#names = names
    this.#interesting = interesting
  }

  add(want: Want, at: number): void {
    const why = whyUnsaid(want) ?? this.#whyNameless(want)
    if (why !== undefined) return this.#addUnsaid(want, why)
    const entry = this.#entryOf(want)
    entry.count += 1
    entry.last = Math.max(entry.last, at)
    this.#addName(entry, want.asked.name)
  }

  done(): readonly Done[] {
    return [...this.#done.values()]
  }

  /** Those met first, and how many requests there are of others. */
  unsaid(): readonly Unsaid[] {
    return [...this.#unsaid.values()]
  }

  #entryOf({ verbs, asked, acknowledge }: Want): Entry {
    const { apiGroup, resource, subresource, namespace, path } = asked
    const key = `${verbs.join(',')}\0${apiGroup}\0${resource}\0${subresource}\0${namespace}\0${path}\0${acknowledge.join(',')}`
    let entry = this.#done.get(key)
    if (entry !== undefined) return entry
    if (this.#done.size >= most.entries) throw new Error(`more than ${most.entries} different things were done: narrow it down with --since, --until or --cluster, or take namespaces together with --namespace-glob`)
    entry = { verbs, asked, acknowledge, names: new Set(), nameless: undefined, met: new Set(), count: 0, last: -Infinity }
    this.#done.set(key, entry)
    return entry
  }

  #addName(entry: Entry, name: string): void {
    if (!entry.asked.isResourceRequest) return
    if (this.#interesting.has(name)) entry.met.add(name)
    if (entry.nameless === undefined) entry.nameless = this.#whyWithout(entry, name)
    if (entry.nameless !== undefined) entry.names.clear()
    else entry.names.add(name)
  }

  #whyWithout({ asked, verbs, names }: Entry, name: string): Done['nameless'] {
    if (name === '') return 'all'
    if (this.#names === 'none') return 'asked'
    // A POST names no object in RBAC's eyes; what it creates below one does.
    if (verbs.join() === 'create' && asked.subresource === '') return 'create'
    if (this.#names === 'all') {
      if (names.size >= most.names) throw new Error(`more than ${most.names} names of ${asked.resource} were asked for: leave --names all out`)
      return undefined
    }
    if (generated.test(name) || name.includes(redacted)) return 'generated'
    return names.size >= fewNames && !names.has(name) ? 'many' : undefined
  }

  #whyNameless({ asked }: Want): string | undefined {
    return this.#names === 'all' && asked.name.includes(redacted) ? 'its name is a secret, and was not written' : undefined
  }

  #addUnsaid(want: Want, why: string): void {
    const { verbs, asked } = want
    const key = [why, verbs.join(','), asked.apiGroup, asked.resource, asked.subresource, asked.namespace, asked.path].join('\0')
    const known = this.#unsaid.get(key)
    if (known !== undefined) known.count += 1
    else if (this.#unsaid.size < most.told) this.#unsaid.set(key, { want, why, count: 1 })
  }
}
