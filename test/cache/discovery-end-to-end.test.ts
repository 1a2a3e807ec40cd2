// Discovery through the real proxy: a cold start, an upstream that is down, and what the API server serves from now on.
import { createHash } from 'node:crypto'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { callerEntry, startTarget } from '../support/attack-target.ts'
import { capturedAnswer } from '../support/captures.ts'
import { valuesOf } from '../support/http-reader.ts'
import { connectHttp2, type Http2Client, type Http2Response } from '../support/http2-client.ts'
import { keyFor } from '../support/keys.ts'
import type { WholeAnswer } from '../support/recorded-connection.ts'
import { startSampleBehindProxy } from '../support/sample-behind-proxy.ts'

t.setTimeout(120_000)

const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json'
const documents = [
  { target: '/api', accept: aggregated, answer: captured('api-kubectl') },
  { target: '/apis', accept: aggregated, answer: captured('apis-kubectl') },
  { target: '/apis/apps/v1', accept: 'application/json', answer: captured('apis-apps-v1') },
  { target: '/version', accept: '*/*', answer: captured('version') },
]

/** As an upstream of HTTP/1.1 sends it: with its length. */
function captured(name: string): WholeAnswer {
  const { status, headers, body } = capturedAnswer(name)
  const framing = new Set(['transfer-encoding', 'content-length'])
  return { status, headers: headers.filter((_, at) => !framing.has(headers[at - at % 2]?.toLowerCase() ?? '')), body }
}

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')

const callers = 1000
const sessions = 5
const keys = Array.from({ length: callers }, (_, i) => keyFor(`herd${String(i).padStart(4, '0')}`))
const pods = '/api/v1/namespaces/a/pods'
const mayListPods = [{ apiGroups: [''], resources: ['pods'], verbs: ['list'], namespaces: ['a'] }]
const herd = await startTarget(t, { callers: keys.map((key, i) => callerEntry(`herd-${i}`, key, mayListPods)) })

/** Every caller asks for a document, by HTTP/2, 200 on a connection; resolves when all are inside the proxy. */
async function allAtOnce(t: Test): Promise<Promise<Http2Response>[]> {
  const clients: Http2Client[] = []
  for (let i = 0; i < sessions; i += 1) clients.push(await connectHttp2(t, herd.tls))
  const asked = keys.map(({ key }, i) => {
    const { target, accept } = documents[i % documents.length]!
    return clients[i % sessions]!.request('GET', `${target}?timeout=32s`, { accept, authorization: `Bearer ${key}` })
  })
  // Sent last on each connection, and not from the cache: once it is answered, all before it are waiting.
  await Promise.all(clients.map(async (client) => client.request('GET', pods, { authorization: `Bearer ${keys[0]!.key}` })))
  return asked
}

t.test('1,000 callers at once on a cold cache cause one upstream request a document', async (t) => {
  let release = () => {}
  const released = new Promise<void>((resolve) => { release = resolve })
  herd.upstream.answer(async ({ target }) => {
    const document = documents.find((one) => one.target === target)
    if (document === undefined) return { status: 200, headers: ['Content-Type', 'application/json'], body: '{}' }
    await released
    return document.answer
  })
  const asked = await allAtOnce(t)
  release()
  const answers = await Promise.all(asked)
  t.equal(answers.length, callers)
  t.strictSame(answers.filter(({ status }) => status !== 200).length, 0, 'each is answered')
  const whole = answers.filter(({ body }, i) => sha256(body) === sha256(documents[i % documents.length]!.answer.body as Buffer))
  t.equal(whole.length, callers, 'whole, and with what it asked for')
  t.equal(new Set(answers.map(({ headers }) => headers['audit-id'])).size, callers, 'under an Audit-Id of its own')
  const discovery = herd.upstream.requests.map(({ target }) => target).filter((target) => target !== pods)
  t.strictSame(discovery.sort(), documents.map(({ target }) => target).sort(), 'one upstream request each')
})

t.test('with upstream down, callers go on as before: from the cache, and marked stale where it should have been asked', async (t) => {
  const seen = herd.upstream.requests.length
  await herd.upstream.close()
  const ask = (client: Http2Client) => Promise.all(keys.slice(0, 200).map(({ key }, i) => {
    const { target, accept } = documents[i % documents.length]!
    return client.request('GET', target, { accept, authorization: `Bearer ${key}` })
  }))
  const marks = (answers: readonly Http2Response[]) => [...new Set(answers.map(({ status, headers }) => `${status} ${String(headers['x-portcullis-cache'])}`))]
  const client = await connectHttp2(t, herd.tls)
  t.strictSame(marks(await ask(client)), ['200 hit'], 'fresh still')

  // A write of a CRD, after which every document is asked for anew.
  await herd.upstream.listenAgain()
  herd.upstream.answer(() => ({ status: 201, headers: ['Content-Type', 'application/json'], body: '{}' }))
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
  const { status } = await herd.send('http2', { method: 'POST', target: crds, headers: ['content-type', 'application/json'], body: '{}' })
  t.equal(status, 403, 'which is not open to everybody')
  t.strictSame(marks(await ask(client)), ['200 hit'], 'a refused one changes nothing')
  await herd.tls.rewriteCallers({ callers: [
    ...keys.slice(0, 200).map((key, i) => callerEntry(`herd-${i}`, key, mayListPods)),
    callerEntry('root', herd.root, [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], acknowledge: ['intercept'] }]),
  ] })
  t.equal((await herd.send('http2', { method: 'POST', target: crds, headers: ['content-type', 'application/json'], body: '{}' })).status, 201)
  await herd.upstream.close()

  const answers = await ask(client)
  t.strictSame(marks(answers), ['200 stale'])
  t.ok(answers.every(({ headers }) => Number(headers.age) >= 0), 'and say how old')
  t.ok(answers.every(({ body }, i) => sha256(body) === sha256(documents[i % documents.length]!.answer.body as Buffer)), 'whole')
  t.strictSame(herd.upstream.requests.slice(seen).map(({ method }) => method), ['POST'], 'upstream saw none of it')

  const unknown = await client.request('GET', '/apis/batch/v1', { accept: 'application/json', authorization: `Bearer ${keys[1]!.key}` })
  t.equal(unknown.status, 503, 'what was never there is a refusal')
  await herd.upstream.listenAgain()
  herd.upstream.answer(({ target }) => documents.find((one) => one.target === target)?.answer ?? { status: 200, body: '{}' })
  t.strictSame(marks(await ask(client)), ['200 miss'], 'and with upstream back, all is new')
})

/** A CRD of this group with the kind `Thing`. */
function crdOf(group: string): string {
  return JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `things.${group}` },
    spec: {
      group, scope: 'Namespaced', names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } }],
    },
  })
}

t.test('what the API server serves', async (t) => {
  const cluster = await startSampleBehindProxy(t, { sample: { crdDelay: 300 } })
  const client = await connectHttp2(t, cluster.proxy)
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
  const authorization = `Bearer ${cluster.admin.key}`

  await client.request('GET', '/version', { authorization })

  const through = (target: string, accept = 'application/json') => client.request('GET', target, { accept, authorization })
  /** The same three documents a kubectl of any age looks into. */
  const seenThrough = async (group: string): Promise<boolean[]> => {
    const [groups, together, resources] = await Promise.all([through('/apis'), through('/apis', aggregated), through(`/apis/${group}/v1`)])
    return [groups.body.includes(`"${group}"`), together.body.includes(`"${group}"`), resources.status === 200 && resources.body.includes('"things"')]
  }
  // As the proxy shows it to the cluster.
  const token = valuesOf(cluster.sample.requests().find(({ headers }) => valuesOf(headers, 'authorization').length > 0)?.headers ?? [], 'authorization')[0] ?? ''
  const direct = (method: string, target: string, body?: string) => new Promise<{ status: number, body: string }>((resolve, reject) => {
    const headers = { 'authorization': token, 'content-type': 'application/json', 'accept': 'application/json' }
    // What it serves is to be found out, not whether its certificate is good.
    const request = httpsRequest(cluster.sample.url + target, { method, headers, rejectUnauthorized: false, agent: false }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
    })
    request.on('error', reject).end(body)
  })
  const served = async (group: string) => (await direct('GET', `/apis/${group}/v1`)).status === 200

  t.test('a CRD created through the proxy is in discovery with the first request after upstream serves it, and goes so too', async (t) => {
    const group = 'made.example.com'
    t.strictSame(await seenThrough(group), [false, false, false], 'and is cached so')
    const created = await client.request('POST', crds, { authorization, 'content-type': 'application/json' }, crdOf(group))
    t.equal(created.status, 201, created.body.toString())
    while (!await served(group)) await seenThrough(group)
    t.strictSame(await seenThrough(group), [true, true, true])

    const deleted = await client.request('DELETE', `${crds}/things.${group}`, { authorization })
    t.equal(deleted.status, 200, deleted.body.toString())
    while (await served(group)) await seenThrough(group)
    t.strictSame(await seenThrough(group), [false, false, false])
  })

  t.test('one that others create, past the proxy, is noticed', async (t) => {
    const group = 'others.example.com'
    await seenThrough(group)
    t.equal((await direct('POST', crds, crdOf(group))).status, 201)
    while ((await seenThrough(group)).includes(false));
    t.ok(await served(group))
  })
})
