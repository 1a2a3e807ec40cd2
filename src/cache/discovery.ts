import { LRUCache } from 'lru-cache'
import type { BaseLogger } from 'pino'
import type { Cluster, Fetched } from '../clusters/cluster.ts'
import { ProxyError } from '../errors.ts'
import { headerValue } from '../headers/read.ts'
import type { Admitted } from '../model/admitted.ts'
import { answerWith, lastingHeaders, readAsker, relay, type Asker, type CachedAnswer } from './answer.ts'
import { examine } from './examine.ts'
import { Flights } from './flights.ts'
import { readTarget, type DocumentKind } from './target.ts'
import { readVariant, type Variant } from './variant.ts'

export interface DiscoveryCacheOptions {
  /** The only one it asks and answers for: no key can lead to another cluster's documents. */
  readonly cluster: Pick<Cluster, 'name' | 'fetch'>
  /** Milliseconds. */
  readonly ttl: number
  /** Milliseconds after `ttl`. */
  readonly staleFor: number
  /** Bytes of all documents. */
  readonly maxSize: number
  readonly now?: () => number
  readonly log?: Pick<BaseLogger, 'warn'>
}

export interface DiscoveryCache {
  /** Undefined: not for the cache to answer; forward it. Rejects with ProxyError. */
  answer(admitted: Admitted): Promise<CachedAnswer> | undefined
  /** What the API server serves is about to change: every request asks it anew for 75 s. */
  markChanged(): void
}

/** A CRD is served some 5 s after it was written, an aggregated API up to a minute. */
const settling = 75_000
/** How long a document lives in which upstream marks a group as out of date. */
const unsettledTtl = 10_000
/**
 * Ways to ask for one document that are read into memory at a time. Clients know three
 * or four; who invents more in `Accept` is forwarded, and read as slowly as it reads.
 */
const mostVariants = 8
/** Bytes; of one answer, kept or not. */
const largestAnswer = 128 << 20

interface Document {
  readonly headers: readonly string[]
  readonly body: Buffer
  readonly settled: boolean
  /** When the request was sent that upstream vouched for it with. */
  readonly checkedAt: number
}

interface Wanted {
  readonly key: string
  readonly kind: DocumentKind
  readonly target: string
  readonly variant: Variant
}

type Landed =
  | { readonly kind: 'document', readonly document: Document, readonly cache: 'hit' | 'miss' }
  /** `final`: upstream meant it; a document kept from before is no better answer. */
  | { readonly kind: 'uncached', readonly fetched: Fetched, readonly final: boolean }

/** API discovery of one cluster, shared by all callers. Key and scope were checked before: it takes only what was admitted. */
export function createDiscoveryCache(options: DiscoveryCacheOptions): DiscoveryCache {
  const cache = new Discovery(options)
  return {
    answer(admitted) {
      if (admitted.cluster !== options.cluster.name) throw new Error('asked for the documents of another cluster')
      const wanted = readWanted(admitted)
      if (wanted === undefined || cache.isCrowded(wanted)) return undefined
      return cache.answer(wanted, readAsker(admitted.arrival.method, admitted.arrival.rawHeaders))
    },
    markChanged: () => cache.markChanged(),
  }
}

function readWanted({ arrival, resolved, question }: Admitted): Wanted | undefined {
  if (arrival.method !== 'GET' && arrival.method !== 'HEAD') return undefined
  if (resolved.attributes.isResourceRequest || question.upgrade) return undefined
  // Upstream has to judge whether we may impersonate.
  if (question.impersonation !== undefined) return undefined
  const target = readTarget(resolved.target)
  if (target === undefined) return undefined
  const variant = readVariant(arrival.rawHeaders)
  if (variant === undefined) return undefined
  return { ...target, variant, key: JSON.stringify([target.target, variant.accept, variant.gzip]) }
}

class Discovery {
  readonly #options: DiscoveryCacheOptions
  readonly #now: () => number
  readonly #documents: LRUCache<string, Document>
  readonly #flights: Flights<Landed>
  /** By target: how many of its variants are being fetched. */
  readonly #fetching = new Map<string, number>()
  #changingUntil = -Infinity

  constructor(options: DiscoveryCacheOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#flights = new Flights(this.#now)
    this.#documents = new LRUCache({
      maxSize: options.maxSize,
      sizeCalculation: ({ body, headers }, key) => body.length + headers.join('').length + key.length + 256,
    })
  }

  markChanged(): void {
    this.#changingUntil = this.#now() + settling
  }

  isCrowded({ key, target }: Wanted): boolean {
    return (this.#fetching.get(target) ?? 0) >= mostVariants && !this.#documents.has(key) && !this.#flights.has(key)
  }

  async answer(wanted: Wanted, asker: Asker): Promise<CachedAnswer> {
    const document = this.#documents.get(wanted.key)
    // Checked before the last change had settled: it may lack what was added.
    if (document === undefined || document.checkedAt < this.#changingUntil) return this.#ask(wanted, asker)
    const age = this.#now() - document.checkedAt
    const { ttl, staleFor } = this.#options
    if (age < (document.settled ? ttl : Math.min(ttl, unsettledTtl))) return answerWith(document, asker, 'hit', age)
    if (!document.settled || age >= ttl + staleFor) return this.#ask(wanted, asker)
    this.#land(wanted).catch((err: unknown) => {
      this.#options.log?.warn({ err, cluster: this.#options.cluster.name, target: wanted.target }, 'discovery could not be fetched again')
    })
    return answerWith(document, asker, 'stale', age)
  }

  async #ask(wanted: Wanted, asker: Asker): Promise<CachedAnswer> {
    try {
      const landed = await this.#land(wanted)
      if (landed.kind === 'document') {
        return answerWith(landed.document, asker, landed.cache, this.#now() - landed.document.checkedAt)
      }
      return (landed.final ? undefined : this.#stale(wanted, asker)) ?? relay(landed.fetched, asker)
    } catch (error) {
      const stale = isOutage(error) ? this.#stale(wanted, asker) : undefined
      if (stale === undefined) throw error
      return stale
    }
  }

  #stale({ key }: Wanted, asker: Asker): CachedAnswer | undefined {
    const document = this.#documents.get(key)
    if (document === undefined) return undefined
    const age = this.#now() - document.checkedAt
    return age < this.#options.ttl + this.#options.staleFor ? answerWith(document, asker, 'stale', age) : undefined
  }

  #land(wanted: Wanted): Promise<Landed> {
    return this.#flights.join(wanted.key, this.#changingUntil, () => this.#counted(wanted))
  }

  async #counted(wanted: Wanted): Promise<Landed> {
    const { target } = wanted
    this.#fetching.set(target, (this.#fetching.get(target) ?? 0) + 1)
    try {
      return await this.#fetch(wanted)
    } finally {
      const left = (this.#fetching.get(target) ?? 0) - 1
      if (left > 0) this.#fetching.set(target, left)
      else this.#fetching.delete(target)
    }
  }

  async #fetch({ key, kind, target, variant }: Wanted): Promise<Landed> {
    const checkedAt = this.#now()
    const known = this.#documents.peek(key)
    const etag = known && headerValue(known.headers, 'etag')
    const fetched = await this.#options.cluster.fetch(target, requestHeaders(variant, etag), { maxSize: largestAnswer })
    if (fetched.status === 304) return { kind: 'document', document: this.#keep(key, stillGood(known, etag), checkedAt), cache: 'hit' }
    const examined = await examine(kind, variant.gzip, fetched)
    if (examined.cacheable) {
      const document = { headers: lastingHeaders(fetched.headers), body: fetched.body, settled: examined.settled }
      return { kind: 'document', document: this.#keep(key, document, checkedAt), cache: 'miss' }
    }
    const final = isFinal(fetched.status)
    if (final) this.#documents.delete(key)
    return { kind: 'uncached', fetched, final }
  }

  #keep(key: string, document: Omit<Document, 'checkedAt'>, checkedAt: number): Document {
    const kept = { ...document, checkedAt }
    this.#documents.set(key, kept)
    return kept
  }
}

/** Our own credential refused is none: to go on as if nothing were would hide it. */
function isOutage(error: unknown): boolean {
  return error instanceof ProxyError && outages.has(error.code)
}

const outages: ReadonlySet<string> = new Set(['UpstreamUnreachable', 'UpstreamTimeout', 'BadUpstream'])

function requestHeaders({ accept, gzip }: Variant, etag: string | undefined): string[] {
  return [
    ...(accept === '' ? [] : ['Accept', accept]),
    ...(gzip ? ['Accept-Encoding', 'gzip'] : []),
    ...(etag === undefined ? [] : ['If-None-Match', etag]),
  ]
}

function stillGood(known: Document | undefined, etag: string | undefined): Document {
  if (known !== undefined && etag !== undefined) return known
  throw new ProxyError('BadUpstream', 'the API server answered 304 where nothing was known')
}

/** Redirects, and refusals that another moment would not change. Everything else may pass, as may a 200 that is no document. */
function isFinal(status: number): boolean {
  return status >= 300 && status < 500 && status !== 408 && status !== 429
}
