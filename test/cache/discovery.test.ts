import t from 'tap'
import type { CachedAnswer } from '../../src/cache/answer.ts'
import { createDiscoveryCache } from '../../src/cache/discovery.ts'
import type { Fetched } from '../../src/clusters/cluster.ts'
import { ProxyError } from '../../src/errors.ts'
import { admitted, arrival, resolved } from '../support/builders.ts'
import { capturedAnswer } from '../support/captures.ts'

const v2 = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
const minute = 60_000
const hour = 60 * minute
const etag = '"89E23FC14B1EA94B91DF3E12DFEB502AA74AE77F6DA24E4A7143CAACEB1DA5432625AD0CC499A398E73A9AF59690E830D2559089743D1A2741EAA9F97A5E962B"'
const notModified = capturedAnswer('apis-v2-if-none-match')
const down = new ProxyError('UpstreamUnreachable', 'down', { retryAfter: 1 })

function groups(...names: string[]): Fetched {
  const body = JSON.stringify({ kind: 'APIGroupList', groups: names.map((name) => ({ name })) })
  return { status: 200, headers: ['Content-Type', 'application/json', 'Content-Length', String(body.length)], body: Buffer.from(body) }
}

interface Asked { readonly target: string, readonly headers: readonly string[] }

/** Bytes that one answer may have. */
const bound = 128 << 20

/** A cache on a clock of its own, in front of an upstream that answers what `answers` holds next, or its last. */
function harness(options: { maxSize?: number } = {}) {
  const state = { now: Date.UTC(2026, 10, 21), answers: [capturedAnswer('apis-kubectl')] as (Fetched | Error | Promise<Fetched>)[], warnings: 0 }
  const asked: Asked[] = []
  const cache = createDiscoveryCache({
    cluster: {
      name: 'prod',
      async fetch(target, headers, options) {
        if (options?.maxSize !== bound) throw new Error('asked without a bound')
        asked.push({ target, headers })
        const answer = state.answers.length > 1 ? state.answers.shift() : state.answers[0]
        if (answer instanceof Error) throw answer
        return await (answer as Fetched | Promise<Fetched>)
      },
    },
    ttl: 10 * minute, staleFor: 24 * hour, maxSize: options.maxSize ?? 64 << 20,
    now: () => state.now,
    log: { warn: () => { state.warnings += 1 } },
  })
  const get = (target = '/apis', headers: string[] = ['Accept', v2], method = 'GET') => cache.answer(admitted({
    arrival: arrival({ method, target, rawHeaders: headers }),
    resolved: resolved({ target, attributes: { isResourceRequest: false, path: target, verb: method.toLowerCase() } }),
  }))
  return { cache, state, asked, get }
}

const markOf = (answer: CachedAnswer | undefined) => answer?.headers[answer.headers.indexOf('X-Portcullis-Cache') + 1]

/** Lets what goes on behind an answer come to its end. */
const turn = () => new Promise((resolve) => { setImmediate(resolve) })

t.test('the second caller is answered from the first one\'s document, without the first one\'s headers', async (t) => {
  const { get, asked } = harness()
  const first = await get('/apis?timeout=32s', ['Accept', v2, 'User-Agent', 'one', 'X-Secret', 'two', 'Accept-Encoding', 'gzip'])
  const second = await get('/apis?timeout=5s', ['accept', v2, 'accept-encoding', 'gzip'])
  t.match([first, second], [{ status: 200, cache: 'miss' }, { status: 200, cache: 'hit' }])
  t.strictSame([markOf(first), markOf(second)], ['miss', 'hit'])
  t.strictSame(second?.body, capturedAnswer('apis-kubectl').body)
  t.strictSame(asked, [{ target: '/apis', headers: ['Accept', v2, 'Accept-Encoding', 'gzip'] }])
})

t.test('each variant is a document of its own', async (t) => {
  const { get, asked } = harness()
  const variants: [target: string, headers: string[]][] = [
    ['/apis', ['Accept', v2]], ['/apis', []], ['/apis', ['Accept', 'application/json']], ['/apis/', ['Accept', v2]],
    ['/apis', ['Accept', `${v2},application/json`]], ['/apis', ['Accept', `application/json,${v2}`]],
    ['/apis', ['Accept', v2, 'Accept-Encoding', 'gzip']], ['/api', ['Accept', v2]],
  ]
  for (const [target, headers] of variants) t.equal((await get(target, headers))?.cache, 'miss', `${target} ${String(headers)}`)
  t.equal(asked.length, variants.length)
  for (const [target, headers] of variants) t.equal((await get(target, headers))?.cache, 'hit')
  t.equal(asked.length, variants.length)
})

t.test('of many invented variants of one document few are read into memory; the rest is left to be forwarded', async (t) => {
  const { get, state, asked } = harness()
  let answer = (_: Fetched) => {}
  state.answers = [new Promise((resolve) => { answer = resolve })]
  const variant = (n: number) => get('/openapi/v2', ['Accept', `application/json;v=${n}`])
  const waiting = Array.from({ length: 100 }, (_, n) => variant(n))
  t.equal(waiting.filter((one) => one !== undefined).length, 8)
  t.ok(variant(3), 'whoever asks for one that is under way waits for it')
  t.ok(get('/apis'), 'another document is none the worse for it')
  t.equal(asked.length, 9)
  answer({ status: 200, headers: ['Content-Type', 'application/json', 'Content-Length', '17'], body: Buffer.from('{"swagger":"2.0"}') })
  await Promise.all(waiting)
  t.equal((await variant(3))?.cache, 'hit')
  t.equal((await variant(50))?.cache, 'miss', 'afterwards there is room again')
})

t.test('what is not for the cache is left to be forwarded', async (t) => {
  const { get, cache, asked } = harness()
  t.equal(get('/apis', [], 'POST'), undefined)
  t.equal(get('/apis', ['Range', 'bytes=0-1']), undefined)
  t.equal(get('/apis?limit=1'), undefined)
  t.equal(get('/healthz'), undefined)
  const plain = { target: '/apis', attributes: { isResourceRequest: false } }
  const impersonation = { user: 'x', groups: [], uid: undefined, extra: {} }
  t.equal(cache.answer(admitted({ resolved: resolved(plain), question: { impersonation } })), undefined, 'upstream judges impersonation')
  t.equal(cache.answer(admitted({ resolved: resolved(plain), question: { upgrade: true } })), undefined)
  t.equal(cache.answer(admitted({ resolved: resolved({ ...plain, attributes: { isResourceRequest: true } }) })), undefined)
  t.throws(() => cache.answer(admitted({ resolved: resolved(plain), cluster: 'other' })), /another cluster/)
  t.equal(asked.length, 0)
})

t.test('a thousand callers at once on a cold cache are one upstream request, also when one of them leaves', async (t) => {
  const { get, asked } = harness()
  const waiting = Array.from({ length: 1000 }, () => get())
  t.equal(asked.length, 1)
  const answers = await Promise.all(waiting)
  t.ok(answers.every((answer) => answer?.status === 200 && answer.cache === 'miss'))
  t.equal(asked.length, 1)
})

t.test('HEAD and GET share a document', async (t) => {
  const { get, asked } = harness()
  t.match(await get('/apis', ['Accept', v2], 'HEAD'), { status: 200, body: undefined, cache: 'miss' })
  t.match(await get(), { status: 200, cache: 'hit' })
  t.equal(asked.length, 1)
})

t.test('conditions are answered here, on a miss as on a hit', async (t) => {
  const { get, asked } = harness()
  const conditional = ['Accept', v2, 'If-None-Match', `"old", W/${etag}`]
  t.match(await get('/apis', conditional), { status: 304, cache: 'miss', body: undefined })
  t.match(await get('/apis', conditional), { status: 304, cache: 'hit' })
  t.match(await get('/apis', ['Accept', v2, 'If-None-Match', '"old"']), { status: 200, cache: 'hit' })
  t.strictSame(asked, [{ target: '/apis', headers: ['Accept', v2] }], 'and never handed to upstream')
})

t.test('within ttl it is fresh; then it is served while it is fetched again, once', async (t) => {
  const { get, state, asked } = harness()
  await get()
  state.now += 10 * minute - 1
  t.equal((await get())?.cache, 'hit')
  t.equal(asked.length, 1)
  state.now += 1
  let answerLater: (fetched: Fetched) => void = () => {}
  state.answers = [new Promise<Fetched>((resolve) => { answerLater = resolve })]
  const answers = await Promise.all([get(), get(), get()])
  t.ok(answers.every((answer) => markOf(answer) === 'stale'), 'at once, though upstream has not answered')
  t.equal(answers[0]?.headers[(answers[0]?.headers.indexOf('Age') ?? 0) + 1], '600')
  t.equal(asked.length, 2)
  t.strictSame(asked[1]?.headers, ['Accept', v2, 'If-None-Match', etag], 'with the condition that spares the body')
  answerLater(notModified)
  await turn()
  t.equal((await get())?.cache, 'hit')
  t.equal(asked.length, 2)
})

t.test('while upstream is down it is served stale for staleFor, and not a moment longer', async (t) => {
  const { get, state } = harness()
  await get()
  state.answers = [down]
  state.now += 10 * minute
  t.equal((await get())?.cache, 'stale')
  await turn()
  t.equal(state.warnings, 1, 'the log says so')
  state.now += 24 * hour - 1
  t.equal((await get())?.cache, 'stale')
  state.now += 1
  await t.rejects(async () => get(), { code: 'UpstreamUnreachable' })
  state.answers = [capturedAnswer('apis-kubectl')]
  t.equal((await get())?.cache, 'miss')
})

t.test('a cold cache has nothing to serve when upstream is down, and remembers no failure', async (t) => {
  const { get, state, asked } = harness()
  state.answers = [down, groups('apps')]
  await t.rejects(async () => get(), { code: 'UpstreamUnreachable' })
  t.equal((await get())?.cache, 'miss')
  t.equal(asked.length, 2)
})

t.test('an answer that may not be shared is handed to whoever waited, and never again', async (t) => {
  for (const answer of [
    capturedAnswer('anonymous-403'), capturedAnswer('api-v2beta1'), { ...groups(), status: 302 }, { ...groups(), status: 503 },
    { ...groups(), body: Buffer.from('{"kind":"Status","status":"Failure"}') }, { ...groups(), headers: ['Content-Type', 'text/html'] },
  ]) {
    const { get, state, asked } = harness()
    state.answers = [answer, groups('apps')]
    const both = await Promise.all([get(), get()])
    t.match(both, [{ status: answer.status, cache: 'miss' }, { status: answer.status, cache: 'miss' }])
    t.strictSame(both[1]?.body, answer.body)
    t.equal(asked.length, 1)
    t.strictSame((await get())?.body, groups('apps').body)
    t.equal((await get())?.cache, 'hit')
    t.equal(asked.length, 2)
  }
})

t.test('a redirect for a hash that is gone is relayed, and takes no document\'s place', async (t) => {
  const { get, state, asked } = harness()
  state.answers = [capturedAnswer('openapi-v3-api-v1-badhash')]
  const answer = await get('/openapi/v3/api/v1?hash=0000&timeout=32s')
  t.equal(answer?.status, 301)
  t.match(answer?.headers[answer.headers.indexOf('location') + 1], /^\/openapi\/v3\/api\/v1\?hash=7C93/)
  await get('/openapi/v3/api/v1?hash=0000')
  t.strictSame(asked.map(({ target }) => target), ['/openapi/v3/api/v1?hash=0000', '/openapi/v3/api/v1?hash=0000'])
})

t.test('a document that upstream took away is gone here too', async (t) => {
  const { get, state } = harness()
  await get()
  state.now += 10 * minute
  state.answers = [{ ...groups(), status: 404 }]
  t.equal((await get())?.cache, 'stale')
  await turn()
  t.match(await get(), { status: 404, cache: 'miss' })
})

t.test('upstream in trouble takes nothing away', async (t) => {
  for (const trouble of [{ ...groups(), status: 503 }, { ...groups(), status: 429 }, { ...groups(), body: Buffer.from('<html>') }, down]) {
    const { get, state, cache } = harness()
    await get()
    state.answers = [trouble]
    cache.markChanged()
    t.equal((await get())?.cache, 'stale', 'the last known document is better than an error')
  }
})

t.test('our own credential refused is no outage to be hidden', async (t) => {
  const { get, state, cache } = harness()
  await get()
  state.answers = [new ProxyError('CredentialRejected', 'no')]
  cache.markChanged()
  await t.rejects(async () => get(), { code: 'CredentialRejected' })
  state.answers = [new TypeError('a bug')]
  await t.rejects(async () => get(), { message: 'a bug' })
})

t.test('after a change every request asks upstream anew for 75 s', async (t) => {
  const { get, state, asked, cache } = harness()
  await get()
  cache.markChanged()
  state.answers = [notModified]
  for (const later of [0, 5_000, 69_999]) {
    state.now += later
    t.match(await get(), { status: 200, cache: 'hit' }, 'a 304 spares the body')
  }
  t.equal(asked.length, 4)
  state.answers = [groups('apps', 'new.example')]
  state.now += 1
  t.strictSame((await get())?.body, groups('apps', 'new.example').body)
  t.equal(asked.length, 5)
})

t.test('a document last checked while a change was settling is checked once more before it counts as fresh', async (t) => {
  const { get, state, asked, cache } = harness()
  cache.markChanged()
  state.answers = [groups('apps'), groups('apps', 'new.example')]
  state.now += 1000
  await get()
  state.now += 2 * minute
  t.strictSame((await get())?.body, groups('apps', 'new.example').body, 'nobody asked when it came to be served')
  t.equal((await get())?.cache, 'hit')
  t.equal(asked.length, 2)
})

t.test('a document counts from when it was asked for, not from when it came', async (t) => {
  const { get, state, asked, cache } = harness()
  cache.markChanged()
  let answerLater: (fetched: Fetched) => void = () => {}
  state.answers = [new Promise<Fetched>((resolve) => { answerLater = resolve }), groups('apps', 'new.example')]
  state.now += 74_000
  const slow = get()
  state.now += 10_000
  answerLater(groups('apps'))
  await slow
  t.strictSame((await get())?.body, groups('apps', 'new.example').body)
  t.equal(asked.length, 2)
})

t.test('a request that comes after a change does not join one that was sent before it', async (t) => {
  const { get, state, asked, cache } = harness()
  let answerLater: (fetched: Fetched) => void = () => {}
  state.answers = [new Promise<Fetched>((resolve) => { answerLater = resolve }), groups('apps', 'new.example')]
  const before = get()
  state.now += 1
  cache.markChanged()
  const after = [get(), get()]
  t.equal(asked.length, 1)
  answerLater(groups('apps'))
  t.strictSame((await before)?.body, groups('apps').body)
  for (const each of after) t.strictSame((await each)?.body, groups('apps', 'new.example').body)
  t.equal(asked.length, 2)
})

t.test('a document that marks a group as stale lives 10 s', async (t) => {
  const { get, state, asked } = harness()
  const fresh = capturedAnswer('apis-kubectl')
  state.answers = [{ ...fresh, body: Buffer.from(fresh.body.toString().replace('"Current"', '"Stale"')) }, fresh]
  await get()
  state.now += 9_999
  t.equal((await get())?.cache, 'hit')
  state.now += 1
  t.match(await get(), { cache: 'miss', body: fresh.body })
  t.equal(asked.length, 2)
  state.now += minute
  t.equal((await get())?.cache, 'hit', 'and is an ordinary one once it does not')
})

t.test('a 304 to a question without a condition is an error, not an empty document', async (t) => {
  const { get, state } = harness()
  state.answers = [notModified]
  await t.rejects(async () => get(), { code: 'BadUpstream' })
})

t.test('it holds no more than maxSize, and answers what is larger all the same', async (t) => {
  const { get, state, asked } = harness({ maxSize: 40_000 })
  t.equal((await get())?.status, 200)
  t.equal((await get())?.cache, 'miss', 'a document of 48 KB is not kept')
  state.answers = [groups('x'.repeat(15_000))]
  for (const target of ['/api', '/apis', '/oapi']) await get(target)
  t.equal(asked.length, 5)
  t.equal((await get('/oapi'))?.cache, 'hit')
  t.equal((await get('/api'))?.cache, 'miss', 'the oldest went')
})
