import type { Test } from 'tap'
import { makeAuthority } from './certificates.ts'
import { valuesOf } from './http-reader.ts'
import { keyFor, type TestKey } from './keys.ts'
import { startProxy, type TestProxy } from './proxy.ts'
import { connectRaw, type RawClient } from './raw-client.ts'
import { connectRawHttp2 } from './raw-http2.ts'
import { startUpstream, type Handler, type RecordedRequest, type Upstream } from './recording-upstream.ts'
import { webSocketAccepted, webSocketHeaders } from './upgrades.ts'

/** How an attack comes in. `upgrade` is a WebSocket handshake over TLS. */
export type Way = 'plain' | 'tls' | 'http2' | 'upgrade'
export const everyWay: readonly Way[] = ['plain', 'tls', 'http2', 'upgrade']
/** Where the bytes on the wire are HTTP/1.1. */
export const http1Ways: readonly Way[] = ['plain', 'tls', 'upgrade']

export interface Attack {
  readonly method?: string
  readonly target?: string
  /** Flat; after Host, the key and the handshake's. */
  readonly headers?: readonly string[]
  /** Default: the root caller's. Null: none at all. */
  readonly key?: string | null
  readonly body?: string | Uint8Array
}

export interface Refusal {
  readonly status: number
  readonly code: string
}

export interface Answered {
  readonly status: number
  /** Empty over HTTP/2, where only the body is read. */
  readonly headers: readonly string[]
  readonly body: Buffer
}

/** The token that only the proxy holds: shaped like a service account's, signed by nobody. */
export const upstreamToken = [
  { alg: 'RS256', kid: 'test' },
  {
    sub: 'system:serviceaccount:portcullis:portcullis', iss: 'https://kubernetes.default.svc',
    'kubernetes.io': { namespace: 'portcullis', serviceaccount: { name: 'portcullis', uid: '1' } },
  },
].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).concat('c2lnbmF0dXJlLW9mLW5vYm9keQ').join('.')

const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] }
const everywhere = { nonResourceURLs: ['*'], verbs: ['*'] }

export interface TargetOptions {
  /** Further callers, as the file has them; keys by `keyFor`. */
  readonly callers?: readonly object[]
  /** More files beside the config and the callers, by name. */
  readonly files?: Readonly<Record<string, string>>
  /** Merged over the config, section by section. */
  readonly config?: Readonly<Record<string, unknown>>
  /** Names of further clusters, each with an upstream of its own. */
  readonly clusters?: readonly string[]
  /** Stands in for the default cluster's. */
  readonly upstream?: Upstream
  /** Of every cluster; default: false. */
  readonly openshift?: boolean
  readonly timeouts?: { readonly connect: string, readonly response: string }
  /** Each request that is sent comes from an address of its own: for more wrong credentials than one address may send. */
  readonly manyAddresses?: boolean
}

/**
 * Two proxies, one over plain HTTP on loopback and one over TLS, before one recording
 * upstream; a caller `root` that may do all the guard lets anybody do.
 */
export class AttackTarget {
  readonly upstream: Upstream
  /** By cluster name. `prod` is the default cluster, and `upstream`. */
  readonly upstreams: Readonly<Record<string, Upstream>>
  readonly plain: TestProxy
  readonly tls: TestProxy
  readonly root: TestKey
  /** The root caller as callers.yaml has it. */
  readonly rootEntry: object
  readonly #t: Test
  readonly #markerClients = new Map<TestProxy, RawClient>()
  #markers = 0
  /** Grows with everything sent through here but markers. */
  #sends = 0
  #last: { readonly proxy: TestProxy, readonly sends: number, readonly standing: Standing } | undefined
  readonly #nextAddress: (() => readonly string[]) | undefined

  constructor(t: Test, parts: { upstreams: Record<string, Upstream>, plain: TestProxy, tls: TestProxy, root: TestKey, nextAddress?: () => readonly string[] }) {
    this.#t = t
    this.#nextAddress = parts.nextAddress
    this.upstreams = parts.upstreams
    this.upstream = parts.upstreams.prod!
    this.plain = parts.plain
    this.tls = parts.tls
    this.root = parts.root
    this.rootEntry = callerEntry('root', parts.root, [everything, everywhere])
  }

  proxyOf(way: Way): TestProxy {
    return way === 'plain' ? this.plain : this.tls
  }

  connect(way: Exclude<Way, 'http2'>): Promise<RawClient> {
    this.#sends += 1
    const { port, ca } = this.proxyOf(way)
    return connectRaw(this.#t, way === 'plain' ? { port } : { port, ca })
  }

  /** The attack's header lines, with Host, key and handshake. */
  headersOf(way: Way, { key, headers = [] }: Attack): string[] {
    return [
      ...(way === 'http2' ? [] : ['Host', 'localhost']),
      ...(key === null ? [] : [way === 'http2' ? 'authorization' : 'Authorization', `Bearer ${key ?? this.root.key}`]),
      ...(way === 'upgrade' ? webSocketHeaders('v5.channel.k8s.io') : []),
      ...[...this.#nextAddress?.() ?? [], ...headers].map((text, at) => way === 'http2' && at % 2 === 0 ? text.toLowerCase() : text),
    ]
  }

  async send(way: Way, attack: Attack): Promise<Answered> {
    this.#sends += 1
    const target = attack.target ?? (way === 'upgrade' ? '/api/v1/namespaces/a/pods/x/exec?command=sh' : '/api/v1/namespaces/a/pods')
    const method = attack.method ?? 'GET'
    const headers = this.headersOf(way, attack)
    if (way === 'http2') return this.#sendHttp2(method, target, headers, attack.body)
    const client = await this.connect(way)
    client.request(method, target, headers, attack.body)
    const { status, headers: answered, body } = await client.response()
    client.close()
    return { status, headers: answered, body }
  }

  async #sendHttp2(method: string, target: string, headers: readonly string[], body?: string | Uint8Array): Promise<Answered> {
    const client = await connectRawHttp2(this.#t, this.tls)
    const pseudo = [':method', method, ':scheme', 'https', ':authority', 'localhost', ':path', target]
    const length = body === undefined ? [] : ['content-length', String(Buffer.byteLength(body))]
    const outcome = await client.request([...pseudo, ...headers, ...length], body)
    client.socket.destroy()
    if (outcome.end !== 'complete') return { status: 0, headers: [], body: Buffer.from(outcome.end) }
    return { status: outcome.status, headers: [], body: outcome.body }
  }

  /** Asserts the pass of ATTACKS.md: a Status of that code, nothing sent upstream, one audit record that says why. */
  async refused(t: Test, way: Way, attack: Attack, expected: Refusal, name = ''): Promise<Answered> {
    const proxy = this.proxyOf(way)
    const before = await this.#settle(proxy)
    const answered = await this.send(way, attack)
    const label = `${way} ${name || (attack.target ?? JSON.stringify(attack.headers))}`
    t.equal(answered.status, expected.status, `${label}: status`)
    if (attack.method !== 'HEAD') t.equal(codeOf(answered.body), expected.code, `${label}: code`)
    await this.silent(t, proxy, before, label, expected.code)
    return answered
  }

  /** Where a proxy stands now; hand it to `silent`. */
  settle(way: Way): Promise<Standing> {
    return this.#settle(this.proxyOf(way))
  }

  /** Asserts that since `before` nothing reached upstream and one request was recorded, with this code. */
  async silent(t: Test, proxy: TestProxy, before: Standing, label: string, code: string): Promise<void> {
    const after = await this.#settle(proxy)
    t.equal(after.bytes - before.bytes, after.markerBytes, `${label}: no byte upstream`)
    // The ends of streams that were open before do not count.
    const known = new Set(proxy.events().slice(0, before.events).map(({ auditID }) => auditID)).add(after.markerId)
    const events = proxy.events().slice(before.events, after.events).filter(({ auditID }) => !known.has(auditID))
    t.equal(new Set(events.map(({ auditID }) => auditID)).size, 1, `${label}: one audit record`)
    t.equal(events.at(-1)?.annotations?.['portcullis.dev/code'], code, `${label}: the record says why`)
    t.ok(events.at(-1)?.annotations?.['authorization.k8s.io/reason'] ?? events.at(-1)?.responseStatus?.message, `${label}: and in words`)
  }

  /** Sends an attack that must get through, tamed. Returns what upstream saw, and what the caller got. */
  async forwarded(way: Way, attack: Attack): Promise<{ request: RecordedRequest, answered: Answered }> {
    const seen = this.upstream.requests.length
    const answered = await this.send(way, attack)
    const request = this.upstream.requests[seen]
    if (request === undefined) throw new Error(`${way}: not forwarded: ${answered.status} ${answered.body.toString()}`)
    return { request, answered }
  }

  /** A harmless request, waited for up to its audit event: whatever came before it has happened by then. */
  async #settle(proxy: TestProxy): Promise<Standing> {
    const last = this.#last
    if (last?.proxy === proxy && last.sends === this.#sends && last.standing.bytes === this.upstream.bytes) return last.standing
    const requests = this.upstream.requests.length
    this.#markers += 1
    const client = await this.#markerClient(proxy)
    client.request('GET', `/api/v1/namespaces/marker/pods?marker=${this.#markers}`, ['Authorization', `Bearer ${this.root.key}`])
    const markerId = (await client.response()).all('audit-id')[0] ?? ''
    await proxy.event(markerId)
    const marker = this.upstream.requests.slice(requests).find(({ target }) => target.endsWith(`marker=${this.#markers}`))
    const standing = { bytes: this.upstream.bytes, events: proxy.events().length, markerId, markerBytes: marker?.raw.length ?? 0 }
    this.#last = { proxy, sends: this.#sends, standing }
    return standing
  }

  async #markerClient(proxy: TestProxy): Promise<RawClient> {
    const open = this.#markerClients.get(proxy)
    if (open !== undefined && open.socket.writable) return open
    const client = await connectRaw(this.#t, proxy.ca === '' ? { port: proxy.port } : proxy)
    this.#markerClients.set(proxy, client)
    return client
  }

  /** No sink of either proxy holds the root key, the upstream token or these. The last test of a file. */
  async silentSinks(t: Test, secrets: readonly string[] = []): Promise<void> {
    for (const [way, proxy] of [['plain', this.plain], ['tls', this.tls]] as const) {
      const sinks = { log: proxy.logText(), audit: proxy.auditText(), metrics: await proxy.metrics() }
      t.not(sinks.audit, '', `${way}: there is an audit log`)
      for (const [sink, text] of Object.entries(sinks)) {
        const found = [this.root.key, upstreamToken, ...secrets].filter((secret) => text.includes(secret))
        t.strictSame(found, [], `${way}: the ${sink} holds no secret`)
      }
    }
  }
}

export interface Standing {
  readonly bytes: number
  /** How many. */
  readonly events: number
  readonly markerId: string
  readonly markerBytes: number
}

export async function startTarget(t: Test, options: TargetOptions = {}): Promise<AttackTarget> {
  const root = keyFor('rootroot')
  const callers = { callers: [callerEntry('root', root, [everything, everywhere]), ...(options.callers ?? [])] }
  const upstreams: Record<string, Upstream> = { prod: options.upstream ?? await startUpstream(t, { aside }) }
  for (const name of options.clusters ?? []) upstreams[name] = await startUpstream(t, { aside })
  for (const upstream of Object.values(upstreams)) upstream.answer(answerAll)
  const { timeouts, openshift = false, files = {}, manyAddresses = false } = options
  const config = manyAddresses ? { ...options.config, listen: { ...trustingLoopback, ...options.config?.['listen'] as object } } : options.config ?? {}
  const shared = { upstreams, token: upstreamToken, callers, config, files, openshift, ...(timeouts === undefined ? {} : { timeouts }) }
  const plain = await startProxy(t, shared)
  const tls = await startProxy(t, { ...shared, tls: makeAuthority() })
  return new AttackTarget(t, { upstreams, plain, tls, root, ...manyAddresses ? { nextAddress: createAddresses() } : {} })
}

/** Part of `listen`: whoever connects from here says where a request is from. */
export const trustingLoopback = { trustedProxies: ['127.0.0.0/8', '::1/128'] }

/** Headers that name another address each time. */
export function createAddresses(): () => readonly string[] {
  let count = 0
  return () => {
    count += 1
    return ['X-Forwarded-For', `10.0.${count >> 8}.${count & 255}`]
  }
}

/** The proxy's own watches on what the cluster serves, and its question about constraints. */
function aside(target: string): boolean {
  return /^\/apis\/(apiextensions|apiregistration)\.k8s\.io\/v1\/(customresourcedefinitions|apiservices)\?(?!dryRun)/.test(target)
    || target === '/apis/security.openshift.io/v1/securitycontextconstraints?limit=500'
}

/** Upgrades are switched and echoed, all else is `{}`. */
export const answerAll: Handler = (request, reply) => {
  const [upgrade] = request.all('upgrade')
  if (upgrade === undefined) return { status: 200, headers: ['Content-Type', 'application/json'], body: '{}' }
  const accepted = upgrade.toLowerCase() === 'websocket'
    ? webSocketAccepted(request.all('sec-websocket-protocol')[0]?.split(',')[0]?.trim())
    : ['Connection', 'Upgrade', 'Upgrade', upgrade]
  reply.upgrade(accepted).echo()
}

/** A caller with rules of its own, as callers.yaml has it. */
export function callerEntry(name: string, { id, sha256 }: TestKey, rules: readonly object[], more: object = {}): object {
  return { name, rules, keys: [{ id, sha256, createdAt: '2026-01-01T00:00:00Z' }], ...more }
}

/** The refusal's code out of a Status body. */
export function codeOf(body: Buffer): string | undefined {
  try {
    const status = JSON.parse(body.toString()) as { kind?: string, details?: { causes?: { reason?: string }[] } }
    return status.kind === 'Status' ? status.details?.causes?.[0]?.reason : undefined
  } catch {
    return body.toString().slice(0, 200)
  }
}

/** Exactly our identity, once each, and nothing of the caller's. */
export function assertOurs(t: Test, request: RecordedRequest, label: string): void {
  t.strictSame(valuesOf(request.headers, 'authorization'), [`Bearer ${upstreamToken}`], `${label}: one Authorization, ours`)
  t.equal(valuesOf(request.headers, 'host').length, 1, `${label}: one Host`)
  t.equal(valuesOf(request.headers, 'audit-id').length, 1, `${label}: one Audit-ID`)
  t.strictSame(request.headers.filter((_, at) => at % 2 === 0).filter((name) => /^impersonate-/i.test(name)), [], `${label}: no Impersonate`)
}
