import { setTimeout as pause } from 'node:timers/promises'
import type { BaseLogger } from 'pino'
import { backOff } from '../back-off.ts'
import { ProxyError } from '../errors.ts'
import type { Cluster } from './cluster.ts'
import { ownHeaders } from './fetch.ts'
import { parseJson, readEvents } from './watch-events.ts'

export interface ApiChangesOptions {
  readonly cluster: Cluster
  /** A CRD or an APIService was written, or one may have been while nobody looked. */
  readonly onChange: () => void
  readonly log?: Pick<BaseLogger, 'debug'>
  /** Resolves after that many milliseconds, or rejects when the signal aborts. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>
  /** From 0 to 1. */
  readonly random?: () => number
}

/** What an API server serves is decided by these two. */
const sources = [
  '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
  '/apis/apiregistration.k8s.io/v1/apiservices',
] as const

const metadataOnly = ['Accept', [
  'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
  'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
  'application/json',
].join(',')]

const second = 1000
const slowest = 300 * second
/** Where our account may not look, or there is nothing to see: that may change one day. */
const refusedFor = 600 * second

/** Tells of changes to what a cluster serves, as long as our account may watch them; where it may not, it is silent. */
export function watchApiChanges(options: ApiChangesOptions): { close(): void } {
  const stop = new AbortController()
  for (const source of sources) void new SourceWatch(source, options, stop.signal).run()
  return { close: () => { stop.abort() } }
}

/** A status that answered instead of a list or a watch. */
class Refused extends Error {
  readonly status: number

  constructor(status: number) {
    super(`the API server answered ${status}`)
    this.status = status
  }
}

class SourceWatch {
  readonly #source: string
  readonly #options: ApiChangesOptions
  readonly #signal: AbortSignal
  #version: string | undefined
  #looked = false
  #failures = 0

  constructor(source: string, options: ApiChangesOptions, signal: AbortSignal) {
    this.#source = source
    this.#options = options
    this.#signal = signal
  }

  async run(): Promise<void> {
    const { wait = waitUnreferenced } = this.#options
    try {
      while (!this.#signal.aborted) await wait(await this.#round(), this.#signal)
    } catch {
      // Closed while waiting.
    }
  }

  /** One list if need be, one watch to its end; milliseconds until the next. */
  async #round(): Promise<number> {
    try {
      this.#version ??= await this.#list()
      await this.#watch(this.#version)
      this.#failures = 0
      return second
    } catch (err) {
      return this.#afterFailure(err)
    }
  }

  #afterFailure(err: unknown): number {
    const status = err instanceof Refused ? err.status : undefined
    // Gone: that version is too old to go on from.
    if (status === 410) this.#version = undefined
    if (status === 403 || status === 404) return refusedFor
    if (!this.#signal.aborted) this.#options.log?.debug({ err, source: this.#source }, 'the watch for API changes broke off')
    this.#failures += 1
    return backOff(this.#failures, slowest)
  }

  /** The version to watch from. Whatever was written before the first look is in no cache yet. */
  async #list(): Promise<string> {
    const seenBefore = this.#looked
    this.#looked = true
    const { status, body } = await this.#options.cluster.fetch(`${this.#source}?limit=1`, metadataOnly, { signal: this.#signal })
    if (status !== 200) throw new Refused(status)
    if (seenBefore) this.#options.onChange()
    return versionOf(parseJson(body.toString()))
  }

  async #watch(version: string): Promise<void> {
    const { cluster, onChange, random = Math.random } = this.#options
    const { origin, basePath, credential } = cluster
    const presented = credential.present()
    // Spread out, as client-go does, so that not all of them come back at once.
    const seconds = 300 + Math.floor(random() * 300)
    const query = `watch=true&allowWatchBookmarks=true&timeoutSeconds=${seconds}&resourceVersion=${encodeURIComponent(version)}`
    const { statusCode, body } = await cluster.own.request({
      origin,
      path: `${basePath}${this.#source}?${query}`,
      method: 'GET',
      headers: ownHeaders(origin, presented.authorization, metadataOnly),
      signal: this.#signal,
      headersTimeout: cluster.timeouts.response,
      bodyTimeout: (seconds + 30) * second,
    })
    body.on('error', () => { /* told to whoever reads it */ })
    if (statusCode !== 200) {
      body.destroy()
      if (statusCode === 401) await credential.renew(presented)
      throw new Refused(statusCode)
    }
    for await (const event of readEvents(body)) {
      if (event.type === 'ERROR') throw new Refused(event.code)
      if (event.version !== undefined) this.#version = event.version
      if (event.type !== 'BOOKMARK') onChange()
    }
  }
}

function versionOf(list: unknown): string {
  const version = (list as { metadata?: { resourceVersion?: unknown } } | null)?.metadata?.resourceVersion
  if (typeof version !== 'string') throw new ProxyError('BadUpstream', 'the API server answered with a list that has no version')
  return version
}

async function waitUnreferenced(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal, ref: false })
}
