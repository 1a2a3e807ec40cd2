// Each variant of a discovery document is its own, and a cached answer is still behind key and scope.
import { gunzipSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { callerEntry, startTarget, type Answered } from '../support/attack-target.ts'
import { keyFor } from '../support/keys.ts'

const closed = keyFor('closed00')
const target = await startTarget(t, { clusters: ['b'], callers: [callerEntry('closed', closed, [], { discovery: false })] })
const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
const protobuf = 'application/vnd.kubernetes.protobuf'
/** runtime.Unknown with the TypeMeta v1, APIGroupList. */
const envelope = Buffer.from('k8s\0\x0a\x12\x0a\x02v1\x12\x0cAPIGroupList', 'latin1')

for (const [name, upstream] of Object.entries(target.upstreams)) {
  upstream.answer((request) => {
    const accept = request.all('accept')[0] ?? ''
    const gzip = (request.all('accept-encoding')[0] ?? '').includes('gzip')
    const type = accept.includes('protobuf') ? protobuf : accept.startsWith(aggregated) ? aggregated : 'application/json'
    const path = request.target.split('?')[0]!
    const text = JSON.stringify({ kind: 'APIGroupList', gitVersion: 'v1.36.0', paths: {}, cluster: name, path, type })
    const body = type === protobuf ? Buffer.concat([envelope, Buffer.from(text)]) : gzip ? gzipSync(text) : text
    const etag = ['ETag', `"${name}-${type.length}-${gzip}"`]
    if (request.all('if-none-match').includes(etag[1]!)) return { status: 304, headers: [...etag, 'Vary', 'Accept'] }
    const encoding = gzip && type !== protobuf ? ['Content-Encoding', 'gzip'] : []
    return { status: 200, headers: ['Content-Type', type, 'Vary', 'Accept', ...etag, ...encoding], body }
  })
}

const header = ({ headers }: Answered, wanted: string) => {
  const at = headers.findIndex((name) => name.toLowerCase() === wanted)
  return at === -1 ? undefined : headers[at + 1]
}
const decoded = (answered: Answered) => {
  const plain = answered.headers.includes('gzip') ? gunzipSync(answered.body) : answered.body
  return JSON.parse(plain.toString('latin1').replace(/^k8s[^{]*/, '')) as { cluster: string, type: string, path: string }
}
const asks: readonly (readonly [path: string, headers: readonly string[], cluster: string, type: string])[] = ['/apis', '/api'].flatMap((path) =>
  ['', '/clusters/b'].flatMap((prefix) => [
    [`${prefix}${path}`, [], prefix === '' ? 'prod' : 'b', 'application/json'],
    [`${prefix}${path}`, ['Accept', 'application/json'], prefix === '' ? 'prod' : 'b', 'application/json'],
    [`${prefix}${path}`, ['Accept', `${aggregated},application/json`], prefix === '' ? 'prod' : 'b', aggregated],
    [`${prefix}${path}`, ['Accept', protobuf], prefix === '' ? 'prod' : 'b', protobuf],
    [`${prefix}${path}`, ['Accept-Encoding', 'gzip'], prefix === '' ? 'prod' : 'b', 'application/json'],
    [`${prefix}${path}?timeout=32s`, ['Accept', `${aggregated},application/json`, 'Accept-Encoding', 'gzip'], prefix === '' ? 'prod' : 'b', aggregated],
  ] as const))

for (const way of ['plain', 'tls'] as const) {
  t.test(`${way}: each gets its own, the first time and from the cache`, async (t) => {
    for (let round = 0; round < 3; round += 1) {
      const answers = await Promise.all(asks.map(([path, headers]) => target.send(way, { target: path, headers })))
      for (const [at, answered] of answers.entries()) {
        const [path, headers, cluster, type] = asks[at]!
        const label = `${path} ${headers.join(' ')}`
        t.match(decoded(answered), { cluster, type, path: path.replace('/clusters/b', '').split('?')[0]! }, label)
        if (!headers.includes('gzip')) t.notOk(answered.headers.includes('gzip'), `${label}: not compressed unasked`)
        if (round > 0) t.equal(header(answered, 'x-portcullis-cache'), 'hit', label)
      }
    }
  })

  t.test(`${way}: what was compressed for one is not for another, whoever asks first`, async (t) => {
    for (const [path, order] of [['/openapi/v3', [true, false, true]], ['/version', [false, true, false]]] as const) {
      for (const gzip of order) {
        const answered = await target.send(way, { target: path, headers: gzip ? ['Accept-Encoding', 'gzip'] : [] })
        t.equal(header(answered, 'content-encoding'), gzip ? 'gzip' : undefined, `${path} ${gzip}`)
        t.match(decoded(answered), { cluster: 'prod' })
      }
    }
  })

  t.test(`${way}: a cached answer is behind key and scope`, async (t) => {
    await target.send(way, { target: '/apis' })
    await target.refused(t, way, { target: '/apis', key: null }, { status: 401, code: 'MissingKey' })
    await target.refused(t, way, { target: '/apis', key: keyFor('nobody00').key }, { status: 401, code: 'UnknownKey' })
    await target.refused(t, way, { target: '/apis', key: closed.key }, { status: 403, code: 'ScopeDenied' })
  })

  t.test(`${way}: conditional requests are answered for the variant that is asked for`, async (t) => {
    const plain = await target.send(way, { target: '/apis', headers: ['Accept', 'application/json'] })
    const whole = await target.send(way, { target: '/apis', headers: ['Accept', `${aggregated},application/json`] })
    const same = await target.send(way, { target: '/apis', headers: ['Accept', 'application/json', 'If-None-Match', header(plain, 'etag')!] })
    t.equal(same.status, 304)
    t.equal(same.body.length, 0)
    const other = await target.send(way, { target: '/apis', headers: ['Accept', 'application/json', 'If-None-Match', header(whole, 'etag')!] })
    t.equal(other.status, 200, 'another variant\'s tag is no match')
    t.equal(decoded(other).type, 'application/json')
  })

  t.test(`${way}: a Range is neither kept nor answered with something else`, async (t) => {
    const ranged = await target.send(way, { target: '/apis', headers: ['Range', 'bytes=0-3', 'Accept', 'application/json'] })
    t.ok(ranged.status === 200 || ranged.status === 206)
    const next = await target.send(way, { target: '/apis', headers: ['Accept', 'application/json'] })
    t.equal(next.status, 200)
    t.equal(decoded(next).cluster, 'prod')
  })

  t.test(`${way}: HEAD has no body, and leaves the GET's alone`, async (t) => {
    const client = await target.connect(way)
    for (const method of ['HEAD', 'GET', 'HEAD', 'GET']) {
      client.request(method, '/apis', ['Authorization', `Bearer ${target.root.key}`])
      const response = await client.response()
      t.equal(response.status, 200)
      t.equal(response.body.length === 0, method === 'HEAD')
    }
  })
}

t.test('no sink holds a secret', (t) => target.silentSinks(t, [closed.key]))
