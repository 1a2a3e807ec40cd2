import type { Answer, Call } from './answer.ts'
import { uncached } from './answer.ts'
import type { JsonObject, KubeObject } from './json.ts'
import { namespaceOf } from './json.ts'
import type { Representation } from './negotiate.ts'
import { negotiate } from './negotiate.ts'
import { matcher, tableOptions } from './reads.ts'
import type { Matches } from './selectors.ts'
import { badRequest, expired } from './status.ts'
import type { Change } from './store.ts'
import { partialMetadata, table } from './table.ts'
import type { Target } from './target.ts'
import { shown } from './views.ts'
import type { World } from './world.ts'

interface WatchEvent {
  readonly type: Change['type'] | 'BOOKMARK' | 'ERROR'
  readonly object: KubeObject | JsonObject
}

interface Plan {
  readonly from: number
  /** What is there already is sent first. */
  readonly initial: boolean
  /** The end of what was there is marked. */
  readonly initialEnd: boolean
  readonly bookmarks: boolean
  /** Milliseconds until the watch ends of itself. */
  readonly timeout: number
  readonly matches: Matches
}

/** The API server picks between 30 and 60 minutes when the caller names no end. */
const defaultTimeout = 45 * 60_000

export function watchAnswer(world: World, call: Call, target: Target): Answer {
  const { syntax, as } = negotiate(call.headers.accept)
  if (syntax !== 'json') throw badRequest('a watch is written as JSON only')
  const plan = planOf(world, call, target)
  const encode = encoder(world, call, target, as)
  return {
    status: 200,
    headers: { ...uncached, 'content-type': 'application/json' },
    body: async function* (signal) {
      for await (const event of events(world, target, plan, signal)) yield `${JSON.stringify(encode(event))}\n`
    },
  }
}

function planOf({ store }: World, call: Call, target: Target): Plan {
  const { query } = call
  const version = query.get('resourceVersion') ?? ''
  const seconds = query.get('timeoutSeconds') ?? ''
  if (!/^\d*$/.test(version)) throw badRequest(`Invalid value: "${version}": invalid resource version`)
  if (!/^\d*$/.test(seconds)) throw badRequest(`invalid timeoutSeconds: ${seconds}`)
  const fromNow = version === '' || version === '0'
  const listing = query.get('sendInitialEvents') === 'true'
  return {
    from: fromNow || listing ? store.revision : Number(version),
    initial: listing || (fromNow && query.get('sendInitialEvents') !== 'false'),
    initialEnd: listing,
    bookmarks: query.get('allowWatchBookmarks') === 'true',
    timeout: Number(seconds) * 1000 || defaultTimeout,
    matches: matcher(call, target),
  }
}

async function* events(world: World, target: Target, plan: Plan, signal: AbortSignal): AsyncGenerator<WatchEvent> {
  const { store, clock, bookmarkInterval } = world
  const { storage } = target.type
  const end = clock() + plan.timeout
  let bookmarkAt = clock() + bookmarkInterval
  let position = plan.from
  if (plan.initial) {
    for (const object of store.list(storage, target.namespace)) {
      if (plan.matches(object)) yield { type: 'ADDED', object }
    }
    if (plan.initialEnd && plan.bookmarks) yield bookmark(position, { 'k8s.io/initial-events-end': 'true' })
  }
  while (!signal.aborted) {
    const changes = store.since(position)
    if (changes === undefined) {
      yield { type: 'ERROR', object: expired(`too old resource version: ${position}`).toStatus() }
      return
    }
    for (const change of changes) {
      position = change.revision
      const event = change.storage === storage ? seen(change, target.namespace, plan.matches) : undefined
      if (event !== undefined) yield event
    }
    if (changes.length > 0) continue
    const now = clock()
    if (plan.bookmarks && (now >= bookmarkAt || now >= end)) {
      yield bookmark(position)
      bookmarkAt = now + bookmarkInterval
    }
    if (now >= end) return
    await store.changed(Math.min(end, plan.bookmarks ? bookmarkAt : end) - now, signal)
  }
}

/** A change as this watch sees it: what no longer matches is deleted to it, what begins to match is added. */
function seen(change: Change, namespace: string, matches: Matches): WatchEvent | undefined {
  const { object, previous, type } = change
  if (namespace !== '' && namespaceOf(object) !== namespace) return undefined
  const before = previous !== undefined && matches(previous)
  const after = type !== 'DELETED' && matches(object)
  if (before && after) return { type: 'MODIFIED', object }
  if (after) return { type: 'ADDED', object }
  return before ? { type: 'DELETED', object } : undefined
}

function bookmark(revision: number, annotations?: JsonObject): WatchEvent {
  const metadata = { resourceVersion: String(revision), creationTimestamp: null, ...(annotations && { annotations }) }
  return { type: 'BOOKMARK', object: { metadata } }
}

function encoder(world: World, call: Call, target: Target, as: Representation['as']): (event: WatchEvent) => JsonObject {
  let headers = true
  return ({ type, object }) => {
    if (type === 'ERROR') return { type, object }
    const full = shown(target.type, object as KubeObject)
    if (as === 'object') return { type, object: full }
    if (as === 'metadata') return { type, object: partialMetadata(full) }
    const { resourceVersion } = full.metadata
    const encoded = table([full], { resourceVersion }, tableOptions(world, call, target), headers)
    headers = false
    return { type, object: encoded }
  }
}
