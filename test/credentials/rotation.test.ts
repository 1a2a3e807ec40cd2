// The short form of bench/rotation.mjs: while the credential becomes another one again and again, nobody who calls notices.
import { randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Agent, request, type Dispatcher } from 'undici'
import { callerEntry } from '../support/attack-target.ts'
import { keyFor } from '../support/keys.ts'
import { startProxy } from '../support/proxy.ts'
import { startSample } from '../support/sample.ts'

const callers = 50
const watches = 20
/** Milliseconds between two requests of one caller. */
const pace = 400
/** Milliseconds that a minted token lives: it is renewed after 12 s, and a machine that stands still for three seconds is no fault. */
const maxTokenLifetime = 15_000
/** Milliseconds that a token of the file is let in after the next one was seen: requests are under way with it. */
const overlap = 3000

const configMaps = '/api/v1/namespaces/team-a/configmaps'
const rules = [{ verbs: ['get', 'list', 'watch', 'create', 'update'], apiGroups: [''], resources: ['configmaps'], namespaces: ['team-a'] }]
const mintToken = () => randomBytes(32).toString('hex')

/** The tokens that the cluster lets in beside those that it mints; `seen` tells of each as it comes. */
class Tokens {
  readonly first = mintToken()
  readonly seen = new EventEmitter()
  readonly #valid = new Set([this.first])

  readonly authenticate = (authorization: string): string | undefined => {
    const token = authorization.slice('Bearer '.length)
    if (!this.#valid.has(token)) return undefined
    this.seen.emit(token)
    return 'system:serviceaccount:portcullis:portcullis'
  }

  /** Puts one token after the other into the file. */
  async rotate(path: string, signal: AbortSignal): Promise<void> {
    for (let current = this.first; !signal.aborted;) {
      const next = mintToken()
      this.#valid.add(next)
      const seen = once(this.seen, next, { signal })
      await writeFile(`${path}.next`, next, { mode: 0o600 })
      await rename(`${path}.next`, path)
      await seen
      await delay(overlap)
      this.#valid.delete(current)
      current = next
    }
  }
}

interface Watching {
  /** `name=value` of every change. */
  readonly seen: Set<string>
  ended: boolean
}

type Send = (caller: number, method: Dispatcher.HttpMethod, path: string, body?: object) => Promise<Dispatcher.ResponseData>

class Run {
  readonly failures: string[] = []
  readonly written = new Set<string>()
  readonly watching: Watching[] = []
  requests = 0
  readonly #send: Send
  readonly #grown = new EventEmitter()

  constructor(send: Send) {
    this.#send = send
  }

  async watch(caller: number): Promise<void> {
    const { statusCode, body } = await this.#send(caller, 'GET', `${configMaps}?watch=true`)
    if (statusCode !== 200) throw new Error(`a watch was answered ${statusCode}`)
    const watching: Watching = { seen: new Set(), ended: false }
    this.watching.push(watching)
    body.once('close', () => {
      watching.ended = true
      this.#grown.emit('grown')
    })
    createInterface({ input: body }).on('error', () => { /* its close says so */ }).on('line', (line) => {
      const { object: { metadata, data } } = JSON.parse(line) as { object: { metadata: { name: string }, data: { value?: string } } }
      watching.seen.add(`${metadata.name}=${data.value}`)
      this.#grown.emit('grown')
    })
  }

  /** Writes an object of its own and reads it, in turns, until all is done. */
  async work(caller: number, done: () => boolean): Promise<void> {
    const name = `of-caller-${caller}`
    await delay(pace * caller / callers)
    for (let turn = 0; !done(); turn += 1) {
      const body = { metadata: { name }, data: { value: String(turn) } }
      if (turn === 0) await this.#call(caller, 'POST', configMaps, body)
      else if (turn % 2 === 0) await this.#call(caller, 'PUT', `${configMaps}/${name}`, body)
      else await this.#call(caller, 'GET', `${configMaps}/${name}`)
      await delay(pace)
    }
  }

  async #call(caller: number, method: Dispatcher.HttpMethod, path: string, sent?: { metadata: { name: string }, data: { value: string } }): Promise<void> {
    this.requests += 1
    const { statusCode, body } = await this.#send(caller, method, path, sent)
    const text = await body.text()
    if (statusCode >= 300) this.failures.push(`${method} ${statusCode} ${text}`)
    else if (sent !== undefined) this.written.add(`${sent.metadata.name}=${sent.data.value}`)
  }

  /** Resolves when every watch has seen all that was written, or has ended. */
  async allSeen(): Promise<void> {
    while (this.watching.some(({ seen, ended }) => !ended && [...this.written].some(event => !seen.has(event)))) await once(this.#grown, 'grown')
  }
}

for (const [kind, credential, rotations] of [
  ['tokenRequest', { tokenRequest: { bootstrap: { tokenFile: 'token' }, serviceAccount: { namespace: 'portcullis', name: 'portcullis' } } }, 1],
  ['tokenFile', { tokenFile: 'token' }, 2],
] as const) {
  t.test(`${kind}: ${callers} callers and ${watches} watches see nothing of ${rotations} rotation${rotations === 1 ? '' : 's'}`, async (t: Test) => {
    const tokens = new Tokens()
    const { sample, ca } = await startSample(t, { maxTokenLifetime, authenticate: tokens.authenticate })
    const keys = Array.from({ length: callers }, (_, index) => keyFor(`caller${String(index).padStart(2, '0')}`))
    const proxy = await startProxy(t, {
      upstreams: { prod: { url: sample.url, ca } }, token: tokens.first, credential,
      callers: { callers: keys.map((key, index) => callerEntry(`caller-${index}`, key, rules)) },
    })
    const agent = new Agent()
    t.teardown(() => agent.destroy().catch(() => {}))
    const run = new Run((caller, method, path, body) => request(`${proxy.url}${path}`, {
      method, dispatcher: agent, headers: { 'authorization': `Bearer ${keys[caller]!.key}`, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    }))
    const stop = new AbortController()
    const rotating = kind === 'tokenFile' ? tokens.rotate(join(proxy.folder, 'token'), stop.signal).catch(() => {}) : undefined
    /** How many credentials callers' requests came with. */
    const used = () => new Set(sample.requests().filter(isForwarded).map(authorizationOf)).size

    for (let caller = 0; caller < watches; caller += 1) await run.watch(caller)
    await Promise.all(keys.map((_, caller) => run.work(caller, () => used() > rotations)))
    stop.abort()
    await Promise.all([rotating, run.allSeen()])

    t.strictSame(run.failures, [])
    t.strictSame(run.watching.filter(({ ended }) => ended), [])
    t.ok(run.requests > callers * rotations && run.written.size > callers)
    t.comment(`${run.requests} requests, ${run.written.size} writes, ${used() - 1} rotations`)
  })
}

function isForwarded({ headers }: { readonly headers: readonly string[] }): boolean {
  return headers.some(name => name.toLowerCase() === 'x-forwarded-for')
}

function authorizationOf({ headers }: { readonly headers: readonly string[] }): string {
  return headers[headers.findIndex(name => name.toLowerCase() === 'authorization') + 1] ?? ''
}
