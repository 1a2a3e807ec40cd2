import { redacted } from '../../redaction/redact.ts'
import type { Attributes } from '../../model/attributes.ts'
import type { GuardRoute } from '../../model/caller.ts'
import { whyUnsaid, type Want } from './wants.ts'

/** How names of objects come into rules: `few` leaves them out where there are more than `fewNames`, or generated ones; never those of secrets, nor where today's rules have names. */
export type Names = 'few' | 'all' | 'none'

export const fewNames = 8

/** Beyond this what was done is no scope any more, and holding it no small matter. */
const most = { entries: 20_000, names: 20_000, absent: 1000, told: 200 }

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
type Entry = Mutable<Omit<Done, 'names' | 'met'>> & {
  readonly names: Set<string>
  readonly met: Set<string>
  readonly want: Want
  /** Names that nothing had (404), with how often each was asked for. */
  readonly absent: Map<string, number>
  /** Requests for such names beyond those that are held. */
  absentMore: number
  /** Whether names must stay; undefined: not asked yet. */
  keeps: boolean | undefined
}

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
  readonly #byName: (want: Want) => boolean
  readonly #done = new Map<string, Entry>()
  readonly #unsaid = new Map<string, Unsaid>()

  /** `interesting`: names that are to be told apart whatever their number. `byName`: whether today's rules allow it by names alone. */
  constructor(names: Names, interesting: ReadonlySet<string>, byName: (want: Want) => boolean) {
    this.#names = names
    this.#interesting = interesting
    this.#byName = byName
  }

  /** `status`: HTTP, of the answer. */
  add(want: Want, at: number, status: number | undefined): void {
    const why = whyUnsaid(want) ?? this.#whyNameless(want)
    if (why !== undefined) return this.#addUnsaid(want, why)
    const entry = this.#entryOf(want)
    entry.count += 1
    entry.last = Math.max(entry.last, at)
    const { name } = want.asked
    if (this.#interesting.has(name)) entry.met.add(name)
    if (status === 404 && this.#names === 'few' && name !== '' && entry.asked.isResourceRequest && !isGone(name)) addAbsent(entry, name)
    else this.#addName(entry, name)
  }

  /** Names that nothing had are in it where they are few. */
  done(): readonly Done[] {
    return [...this.#done.values()].map((entry) => {
      const absent = absentOf(entry)
      return absent.names.length === 0 || isMany(absent) ? entry : { ...entry, names: new Set([...entry.names, ...absent.names]) }
    })
  }

  /** Those met first, and how many requests there are of others. */
  unsaid(): readonly Unsaid[] {
    return [...this.#unsaid.values(), ...[...this.#done.values()].flatMap((entry): Unsaid[] => {
      const absent = absentOf(entry)
      return isMany(absent) ? [{ want: { ...entry.want, asked: { ...entry.asked, name: '' } }, why: `more than ${fewNames} names that nothing had (404)`, count: absent.count }] : []
    })]
  }

  #entryOf(want: Want): Entry {
    const { verbs, asked, acknowledge } = want
    const { apiGroup, resource, subresource, namespace, path } = asked
    const key = `${verbs.join(',')}\0${apiGroup}\0${resource}\0${subresource}\0${namespace}\0${path}\0${acknowledge.join(',')}`
    let entry = this.#done.get(key)
    if (entry !== undefined) return entry
    if (this.#done.size >= most.entries) throw new Error(`more than ${most.entries} different things were done: narrow it down with --since, --until or --cluster, or take namespaces together with --namespace-glob`)
    entry = { verbs, asked, acknowledge, names: new Set(), nameless: undefined, met: new Set(), count: 0, last: -Infinity, want, absent: new Map(), absentMore: 0, keeps: undefined }
    this.#done.set(key, entry)
    return entry
  }

  #addName(entry: Entry, name: string): void {
    if (!entry.asked.isResourceRequest) return
    if (entry.nameless === undefined) entry.nameless = this.#whyWithout(entry, name)
    if (entry.nameless !== undefined) entry.names.clear()
    else entry.names.add(name)
  }

  #whyWithout(entry: Entry, name: string): Done['nameless'] {
    const { asked, verbs, names } = entry
    if (name === '') return 'all'
    if (this.#names === 'none') return 'asked'
    // A POST names no object in RBAC's eyes; what it creates below one does.
    if (verbs.join() === 'create' && asked.subresource === '') return 'create'
    const why = this.#names === 'all' ? undefined : isGone(name) ? 'generated' : names.size >= fewNames && !names.has(name) ? 'many' : undefined
    if (why !== undefined && !this.#keeps(entry)) return why
    if (names.size >= most.names) throw new Error(`more than ${most.names} names of ${asked.resource} were asked for: narrow it down with --since, --until or --cluster${this.#names === 'all' ? ', or leave --names all out' : ''}`)
    return undefined
  }

  /** Whoever had single objects, or secrets that it knew, gets no others for having asked for many. */
  #keeps(entry: Entry): boolean {
    return entry.keeps ??= isSecret(entry.want) || this.#byName(entry.want)
  }

  #whyNameless(want: Want): string | undefined {
    const keeps = this.#names === 'all' || (this.#names === 'few' && isSecret(want))
    return keeps && want.asked.name.includes(redacted) ? 'its name is a secret, and was not written' : undefined
  }

  #addUnsaid(want: Want, why: string): void {
    const { verbs, asked } = want
    const key = [why, verbs.join(','), asked.apiGroup, asked.resource, asked.subresource, asked.namespace, asked.path].join('\0')
    const known = this.#unsaid.get(key)
    if (known !== undefined) known.count += 1
    else if (this.#unsaid.size < most.told) this.#unsaid.set(key, { want, why, count: 1 })
  }
}

function isSecret({ asked: { apiGroup, resource } }: Want): boolean {
  return apiGroup === '' && resource === 'secrets'
}

/** The next time it is another name. */
function isGone(name: string): boolean {
  return generated.test(name) || name.includes(redacted)
}

function addAbsent(entry: Entry, name: string): void {
  if (entry.absent.size < most.absent || entry.absent.has(name)) entry.absent.set(name, (entry.absent.get(name) ?? 0) + 1)
  else entry.absentMore += 1
}

interface Absent {
  readonly names: readonly string[]
  /** Requests. */
  readonly count: number
}

/** What was not there all the time, where names matter. */
function absentOf({ nameless, names, absent, absentMore }: Entry): Absent {
  if (nameless !== undefined) return { names: [], count: 0 }
  const never = [...absent].filter(([name]) => !names.has(name))
  return { names: never.map(([name]) => name), count: never.reduce((sum, [, count]) => sum + count, absentMore) }
}

function isMany({ names }: Absent): boolean {
  return names.length > fewNames
}
