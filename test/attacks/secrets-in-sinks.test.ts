// What passes through must not settle anywhere: operational log at its most verbose, audit log, metrics, error bodies.
import t from 'tap'
import { answerAll, callerEntry, startTarget, upstreamToken, type Way } from '../support/attack-target.ts'
import { keyFor } from '../support/keys.ts'
import { bearerProtocol } from '../support/upgrades.ts'

// At the level that writes the most: what it leaves out of others is a part of what it leaves out.
const audit = { sinks: [{ file: { path: 'audit.log' } }], mode: 'blocking', policy: [{ level: 'RequestResponse' }], omitStages: [] }
const target = await startTarget(t, { timeouts: { connect: '2s', response: '500ms' }, config: { audit } })
const value = 'c3VwZXItc2VjcmV0LXZhbHVl'
const plain = 'super-secret-value'
const secret = JSON.stringify({
  apiVersion: 'v1', kind: 'Secret', data: { password: value }, stringData: { password: plain },
  metadata: { name: 'x', annotations: { 'kubectl.kubernetes.io/last-applied-configuration': `{"data":{"password":"${value}"}}` } },
})
const secrets = '/api/v1/namespaces/a/secrets'
const ways = ['plain', 'tls', 'http2'] as const

/** Everything that upstream may do with a request that carries or answers with a Secret. */
const behaviours = {
  'answers with it': () => ({ status: 200, headers: ['Content-Type', 'application/json'], body: secret }),
  'answers an error that repeats it': () => ({ status: 422, headers: ['Content-Type', 'application/json'], body: JSON.stringify({ kind: 'Status', code: 422, message: `invalid: ${secret}` }) }),
  'puts it into the reason phrase and a header': () => ({ status: 409, message: plain, headers: ['X-Debug', value], body: '' }),
  'says 401 with it': () => ({ status: 401, headers: ['WWW-Authenticate', `Bearer error="${value}"`], body: secret }),
  'breaks off in the middle of it': () => `HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n${secret}`,
  'answers nonsense with it': () => `${secret}\r\n\r\n${value}`,
  'answers a bad header with it': () => `HTTP/1.1 200 OK\r\nX : ${value}\r\n ${plain}\r\n\r\n`,
  'never answers': () => 'hold' as const,
} as const

for (const [name, behaviour] of Object.entries(behaviours)) {
  t.test(`upstream ${name}`, async (t) => {
    target.upstream.answer((request, reply) => {
      if (!request.target.startsWith(secrets)) return answerAll(request, reply)
      const answer = behaviour()
      if (name !== 'breaks off in the middle of it') return answer
      reply.raw(answer as string)
      reply.cut()
    })
    for (const way of ways) {
      for (const [method, path] of [['GET', `${secrets}/x`], ['POST', secrets], ['PUT', `${secrets}/x`], ['PATCH', `${secrets}/x`]] as const) {
        const body = method === 'GET' ? {} : { body: secret, headers: ['Content-Type', 'application/merge-patch+json'] }
        const answered = await target.send(way, { method, target: path, ...body }).catch(() => undefined)
        const text = answered?.body.toString() ?? ''
        if (/portcullis: /.test(text)) t.notOk(text.includes(value) || text.includes(plain), `${way} ${method}: not in our own words`)
      }
    }
    t.pass()
  })
}

t.test('refusals repeat nothing of what was sent', async (t) => {
  const wrong = keyFor('nobody00').key
  for (const way of ['plain', 'tls', 'http2', 'upgrade'] satisfies Way[]) {
    for (const attack of [
      { key: wrong }, { key: null, headers: ['Authorization', `Basic ${Buffer.from(`x:${plain}`).toString('base64')}`] },
      { key: null, headers: ['X-API-Key', plain] }, { key: null, headers: ['Authorization', wrong] },
      { headers: ['Impersonate-User', plain] }, { target: `/api/v1/namespaces/a/pods?password=${plain}#` }, { target: `/${wrong}` },
    ]) {
      const { body, headers } = await target.send(way, attack)
      for (const hidden of [wrong, plain, Buffer.from(`x:${plain}`).toString('base64'), upstreamToken]) {
        t.notOk(`${body.toString()}${headers.join()}`.includes(hidden), `${way} ${JSON.stringify(attack).slice(0, 40)}`)
      }
    }
  }
})

const argument = 'Zm9yLXRoZS1wb2QtYWxvbmU'
const other = keyFor('carriers')
const user = other.key
/** Where a key may be put, rightly or not, and what an exec may be told. */
const carried: readonly (readonly [way: Way, headers: readonly string[], target?: string])[] = [
  ...(['plain', 'tls', 'http2', 'upgrade'] as const).flatMap((way) => [
    [way, ['Authorization', `Bearer ${user}`]], [way, ['X-API-Key', user]], [way, ['Authorization', `Basic ${Buffer.from(`x:${user}`).toString('base64')}`]],
    [way, ['Authorization', `Bearer ${user.slice(0, -1)}x`]], [way, ['Authorization', user]], [way, ['Cookie', `key=${user}`]], [way, ['User-Agent', `tool/${user}`]],
    [way, ['X-Forwarded-For', user]], [way, ['Impersonate-User', user]], [way, ['Impersonate-Extra-Key', user]], [way, ['Accept', user]],
    [way, ['Authorization', `Bearer ${user}`, 'X-API-Key', user]],
    ...['token', 'access_token', 'key', 'x', user].map((name) => [way, [], `/api/v1/namespaces/a/pods/x/exec?command=sh&${name}=${user}`] as const),
    ...[`--token=${argument}`, `--password=${argument}`, `API_TOKEN=${argument}`].map((text) =>
      [way, ['X-API-Key', user], `/api/v1/namespaces/a/pods/x/exec?command=login&command=${encodeURIComponent(text)}`] as const),
    [way, ['X-API-Key', user], `/api/v1/namespaces/a/pods/x/exec?command=login&command=--token&command=${argument}&stdin=true`],
    [way, ['X-API-Key', user], `/api/v1/namespaces/a/pods/x/proxy/login?token=${argument}`],
  ] as const),
  ['upgrade', ['Sec-WebSocket-Protocol', bearerProtocol(user)]],
]

for (const [mode, policy] of [['batch', 'Metadata'], ['blocking-strict', 'Metadata'], ['blocking', 'None']] as const) {
  t.test(`keys in every carrier and the arguments of an exec are in no sink: audit at level ${policy}, mode ${mode}`, async (t) => {
    const rules = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], acknowledge: ['own-credential', 'run-as-us'] }]
    const own = await startTarget(t, { callers: [callerEntry('other', other, rules)], config: { audit: { mode, policy: [{ level: policy }] } } })
    own.upstream.answer((request, reply) => answerAll(request, reply))
    for (const [way, headers, path] of carried) {
      const sent = await own.send(way, { key: null, headers, ...(path === undefined ? {} : { target: path }) })
      t.notOk(sent.headers.join().includes(user) || sent.body.toString().includes(user), `${way} ${headers.join().slice(0, 30)}: nor in the answer`)
    }
    for (const proxy of [own.plain, own.tls]) {
      const metrics = await proxy.metrics()
      await proxy.stop()
      const sinks = { audit: proxy.auditText(), log: proxy.logText(), metrics }
      for (const [sink, text] of Object.entries(sinks)) {
        for (const secret of [user, user.slice(13, 40), argument, Buffer.from(`x:${user}`).toString('base64').slice(24, 48)]) {
          t.notOk(text.includes(secret), `${sink}: ${secret.slice(0, 4)}`)
        }
      }
      t.equal(/"stage":"RequestReceived"/.test(sinks.audit), mode === 'blocking-strict')
      t.equal(sinks.audit === '', policy === 'None')
      if (policy !== 'None') t.match(sinks.audit, /command=login&command=--token&command=\[redacted\]&stdin=true/, 'the rest is told')
    }
  })
}

t.test('no sink holds any of it', async (t) => {
  for (const way of ['plain', 'tls'] as const) await target.settle(way)
  await target.silentSinks(t, [value, plain])
  for (const proxy of [target.plain, target.tls]) {
    t.match(proxy.logText(), /"level":"(debug|trace)"/, 'the log is at its most verbose')
    t.notMatch(`${proxy.logText()}${proxy.auditText()}`, /pcl_\w{8}_\w{20}/, 'not even a key that nobody has')
    t.notMatch(proxy.auditText(), /last-applied-configuration|stringData/)
  }
})
