import type * as ClientNode from '@kubernetes/client-node'
import { ownHeaders } from '../../clusters/fetch.ts'
import { failureOf, type ApiFailure, type StoreCluster } from './api.ts'
import { readStoreEvents } from './events.ts'

export interface WatchOptions {
  /** The cluster as it is now; a reload may have put another one in its place. */
  readonly cluster: () => StoreCluster
  /** The informer is about to watch: it holds all there is. */
  readonly onListed: () => void
  /** The API server took the watch: from now on every change is told. */
  readonly onConnect: () => void
  /** Resolves when the next attempt may begin; rejects where it is not to. */
  readonly begin: () => Promise<void>
  /** From 0 to 1. */
  readonly random: () => number
}

const second = 1000
/**
 * A watch is renewed so often, in seconds: from where it stood, so that costs one request. A connection
 * that died without a word is found by TCP's keep-alive within a minute, and where even that is answered
 * by something in between, by the end that was agreed.
 */
const renewedAfter = 60
const spread = 30

/**
 * A watch for client-node's informer that goes by our own client: its TLS is verified whatever
 * NODE_TLS_REJECT_UNAUTHORIZED says, every connect presents the credential as it is then and renews it
 * after a 401, it has time limits, asks for bookmarks, and takes no event for an end: all of which
 * client-node's own (1.4) does not (see test/contracts/client-node-informer.test.ts).
 */
export function createWatch({ Watch, KubeConfig }: Pick<typeof ClientNode, 'Watch' | 'KubeConfig'>, options: WatchOptions): ClientNode.Watch {
  class ClusterWatch extends Watch {
    override async watch(path: string, query: Query, callback: Callback, done: (error: unknown) => void): Promise<AbortController> {
      const stop = new AbortController()
      options.onListed()
      const end = (error: unknown) => {
        // Not before the informer has what this returns, for it would abort the wrong one; and not for one that it ended itself.
        setImmediate(() => { if (!stop.signal.aborted) done(error) })
      }
      follow(options, path, query, callback, stop.signal).then(() => end(null), end)
      return stop
    }
  }
  return new ClusterWatch(new KubeConfig())
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>
type Callback = (phase: string, object: unknown) => void

async function follow({ cluster, onConnect, begin, random }: WatchOptions, path: string, query: Query, callback: Callback, signal: AbortSignal): Promise<void> {
  await begin()
  signal.throwIfAborted()
  const { origin, basePath, credential, timeouts, own } = cluster()
  const seconds = renewedAfter + Math.floor(random() * spread)
  const presented = credential.present()
  const search = new URLSearchParams({ watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: String(seconds), resourceVersion: String(query['resourceVersion'] ?? '') })
  const { statusCode, body } = await own.request({
    origin,
    path: `${basePath}${path}?${search.toString()}`,
    method: 'GET',
    headers: ownHeaders(origin, presented.authorization, ['Accept', 'application/json']),
    signal,
    headersTimeout: timeouts.response,
    bodyTimeout: (seconds + 10) * second,
  })
  body.on('error', () => { /* told to whoever reads it */ })
  if (statusCode !== 200) {
    const answer = await body.text().catch(() => '')
    if (statusCode === 401) await credential.renew(presented)
    throw refusal(statusCode, answer)
  }
  onConnect()
  for await (const { type, object } of readStoreEvents(body)) callback(type, object)
}

function refusal(status: number, text: string): ApiFailure {
  try {
    return failureOf(status, JSON.parse(text))
  } catch {
    return failureOf(status, undefined)
  }
}
