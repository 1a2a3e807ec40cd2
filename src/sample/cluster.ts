import { createHash, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { toSampleEvent, type SampleAuditEvent } from './audit.ts'
import { builtInTypes } from './built-in-types.ts'
import { serveCustomResources } from './custom-resources.ts'
import { createUpgrade } from './exec.ts'
import { LogBook } from './log-book.ts'
import { ResourceTypes } from './resource-type.ts'
import { answer } from './router.ts'
import { seed } from './seed.ts'
import { createServer } from './server.ts'
import { Store } from './store.ts'
import { tokenRequestAnswer } from './token-requests.ts'
import { Tokens } from './tokens.ts'
import type { World } from './world.ts'

export interface SampleOptions {
  /** The bearer token that is let in, as `system:serviceaccount:portcullis:portcullis`. So are those that the sample makes itself, until they end. */
  readonly token: string
  /** Decides in place of `token` whom an `Authorization` lets in: the user's name, or undefined for a 401. */
  readonly authenticate?: (authorization: string) => string | undefined
  /** Whether that user may do that; else a 403. Everybody may do everything unless given. */
  readonly authorize?: (user: string, method: string, path: string) => boolean
  /** Milliseconds that a token lives at most, whatever was asked for; as asked unless given. */
  readonly maxTokenLifetime?: number
  /** PEM. */
  readonly certificate: { readonly cert: string; readonly key: string }
  /** 127.0.0.1 unless given. */
  readonly host?: string
  /** A free one unless given. */
  readonly port?: number
  readonly clock?: () => number
  readonly log?: (line: object) => void
  /** Takes the events of an audit log, which there is none of unless given. */
  readonly audit?: (event: SampleAuditEvent) => void
  /** Milliseconds between the writing of a CustomResourceDefinition and its being served; a second unless given. */
  readonly crdDelay?: number
  /** Milliseconds between two lines of a log that is followed; a second unless given. */
  readonly logInterval?: number
  /** Milliseconds between two bookmarks of a watch; a minute unless given. */
  readonly bookmarkInterval?: number
  /** How many changes watches can be replayed from; 1,000 unless given. */
  readonly history?: number
  /** 10,000 unless given. */
  readonly maxObjects?: number
  /** How many requests are remembered; 10,000 unless given. */
  readonly maxRequests?: number
}

export interface SampleRequest {
  readonly method: string
  readonly url: string
  /** Flat: name, value, name, value … as received. */
  readonly headers: readonly string[]
  readonly httpVersion: string
}

export interface SampleCluster {
  readonly url: string
  readonly port: number
  /** The last requests, the oldest first, refused ones too. */
  requests(): readonly SampleRequest[]
  /** Has a pod write a line into its log. */
  writeLog(namespace: string, pod: string, line: string): void
  /** Forgets its history, as etcd when it is compacted: watches from before are answered 410. */
  compact(): void
  close(): Promise<void>
}

/** An API server with a made-up cluster in memory, for the demo and the tests. Resolves when it listens. */
export async function createSampleCluster(options: SampleOptions): Promise<SampleCluster> {
  const { host = '127.0.0.1', port = 0, maxRequests = 10_000, log = () => {}, audit } = options
  const stop = new AbortController()
  const requests: SampleRequest[] = []
  let address = ''
  const world = createWorld(options, () => address)
  seed(world)
  const tokens = new Tokens(world)
  const { authenticate = only(options.token), authorize = () => true, maxTokenLifetime: longest = Infinity } = options
  const server = createServer({
    authenticate: authorization => tokens.userOf(authorization) ?? authenticate(authorization),
    authorize,
    certificate: options.certificate,
    audit: audit === undefined ? undefined : audited => audit(toSampleEvent({ ...audited, endedAt: Date.now() })),
    seen: (request) => record(requests, request, maxRequests),
    failed: (error) => log({ msg: 'an exchange failed', error: String(error) }),
    answer: (call) => tokenRequestAnswer(world, call, { tokens, longest }) ?? answer(world, call),
    upgrade: createUpgrade(world),
    signal: stop.signal,
  })
  server.listen(port, host)
  await once(server, 'listening')
  const { port: bound } = server.address() as AddressInfo
  address = `${host.includes(':') ? `[${host}]` : host}:${bound}`
  const custom = serveCustomResources(world, stop.signal)
  return {
    url: `https://${address}`,
    port: bound,
    requests: () => requests,
    writeLog: (namespace, pod, line) => world.logs.write(uidOf(world, namespace, pod), line),
    compact: () => world.store.compact(),
    close: async () => {
      if (stop.signal.aborted) return
      const closed = once(server, 'close')
      stop.abort()
      await Promise.all([closed, custom])
    },
  }
}

function only(token: string): (authorization: string) => string | undefined {
  const digest = (value: string) => createHash('sha256').update(value).digest()
  const expected = digest(`Bearer ${token}`)
  return (given) => (timingSafeEqual(digest(given), expected) ? 'system:serviceaccount:portcullis:portcullis' : undefined)
}

function createWorld(options: SampleOptions, address: () => string): World {
  const { clock = Date.now, maxObjects = 10_000, history = 1000 } = options
  return {
    store: new Store({ objects: maxObjects, bytes: 64 * 1024 * 1024, changes: history }),
    types: new ResourceTypes(builtInTypes),
    logs: new LogBook(clock, options.logInterval ?? 1000),
    clock,
    crdDelay: options.crdDelay ?? 1000,
    bookmarkInterval: options.bookmarkInterval ?? 60_000,
    address,
  }
}

function record(requests: SampleRequest[], request: IncomingMessage | Http2ServerRequest, most: number): void {
  const { method = '', url = '', rawHeaders, httpVersion } = request
  requests.push({ method, url, headers: [...rawHeaders], httpVersion })
  if (requests.length > most) requests.shift()
}

function uidOf({ store }: World, namespace: string, pod: string): string {
  const found = store.get('pods', namespace, pod)
  if (found === undefined) throw new Error(`the sample has no pod ${namespace}/${pod}`)
  return found.metadata.uid
}
