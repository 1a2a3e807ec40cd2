// An API server that lets nobody in without a certificate, behind the whole proxy.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import t from 'tap'
import { callerEntry, codeOf } from '../support/attack-target.ts'
import { makeAuthority, type Issued } from '../support/certificates.ts'
import { valuesOf } from '../support/http-reader.ts'
import { keyFor } from '../support/keys.ts'
import { startProxy, type TestProxy } from '../support/proxy.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { startUpstream, type RecordedRequest, type Upstream } from '../support/recording-upstream.ts'
import type { Scope } from '../support/scope.ts'
import { until } from '../support/until.ts'
import { webSocketAccepted, webSocketHeaders } from '../support/upgrades.ts'

const clients = makeAuthority('clients')
const user = 'system:serviceaccount:portcullis:portcullis'
/** Another one, of the same namespace: to the guard that is the same account. */
const renewed = 'system:serviceaccount:portcullis:renewed'
const pods = '/api/v1/namespaces/a/pods'
const exec = `${pods}/x/exec?command=sh`

/** What the proxy asks on its own account. */
const aside = (target: string) => /^\/apis\/(apiextensions|apiregistration|authorization|authentication)\.k8s\.io\//.test(target)

async function start(t: Scope) {
  const first = clients.issue({ commonName: user })
  const upstream = await startUpstream(t, { clientCa: clients.ca, aside })
  const key = keyFor('rootroot')
  const rules = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] }]
  const proxy = await startProxy(t, {
    upstreams: { prod: upstream }, token: 'unused-token', callers: { callers: [callerEntry('root', key, rules)] },
    credential: { clientCertificate: { certFile: 'client.crt', keyFile: 'client.key' } },
    files: { 'client.crt': first.cert, 'client.key': first.key },
  })
  const authorization = ['Authorization', `Bearer ${key.key}`]
  const connect = () => connectRaw(t, { port: proxy.port })
  return { upstream, proxy, authorization, connect, first }
}

/** Whom the API server takes the connection for. */
function whoIs({ connection }: RecordedRequest): unknown {
  return (connection.socket as TLSSocket).getPeerCertificate().subject.CN
}

function write({ folder }: TestProxy, { cert, key }: Partial<Issued>): void {
  if (cert !== undefined) writeFileSync(join(folder, 'client.crt'), cert)
  if (key !== undefined) writeFileSync(join(folder, 'client.key'), key)
}

/** Upgrades are echoed, watches stay open, all else is answered. */
function answerAll(upstream: Upstream): void {
  upstream.answer((request, reply) => {
    if (request.all('upgrade').length > 0) reply.upgrade(webSocketAccepted('v5.channel.k8s.io')).echo()
    else if (request.target.includes('watch=true')) reply.stream(200, ['Content-Type', 'application/json'])
    else return { status: 200, headers: ['Content-Type', 'application/json'], body: '{}' }
  })
}

async function open(client: RawClient, upstream: Upstream, target: string, headers: readonly string[]) {
  client.request('GET', target, headers)
  return upstream.nextRequest()
}

t.test('plain requests, watches and tunnels present the certificate; no Authorization goes up, and nothing of who the caller says to be', async (t) => {
  const { upstream, connect, authorization } = await start(t)
  answerAll(upstream)
  const claimed = ['X-Remote-User', 'system:admin', 'X-Remote-Group', 'system:masters', 'Cookie', 'a=b']
  const shown: [string, readonly string[]][] = [
    [pods, authorization], [`${pods}?watch=true`, authorization], ['/apis', authorization],
    [exec, [...authorization, ...webSocketHeaders('v5.channel.k8s.io')]],
  ]
  for (const [target, headers] of shown) {
    const request = await open(await connect(), upstream, target, [...headers, ...claimed])
    t.equal(whoIs(request), user, target)
    t.equal((request.connection.socket as TLSSocket).authorized, true, `${target}: and the API server has verified it`)
    for (const name of ['authorization', 'x-remote-user', 'x-remote-group', 'cookie']) t.strictSame(valuesOf(request.headers, name), [], `${target}: no ${name}`)
    t.notMatch(request.raw.toString(), /pcl_|Bearer|unused-token/, target)
  }
})

t.test('when the files change new requests show the new certificate, and what is open on the old one goes on', async (t) => {
  const { upstream, proxy, connect, authorization } = await start(t)
  answerAll(upstream)
  const watching = await connect()
  const watched = await open(watching, upstream, `${pods}?watch=true`, authorization)
  const events = await watching.streamed()
  const tunnel = await connect()
  const tunnelled = await open(tunnel, upstream, exec, [...authorization, ...webSocketHeaders('v5.channel.k8s.io')])
  await tunnel.response()
  const asking = await connect()
  const plain = await open(asking, upstream, pods, authorization)
  await asking.response()

  const second = clients.issue({ commonName: renewed })
  write(proxy, { cert: second.cert })
  await proxy.logSays(/the last good one stays in use/)
  const meanwhile = await open(asking, upstream, pods, authorization)
  t.equal((await asking.response()).status, 200)
  t.equal(whoIs(meanwhile), user, 'a certificate without its key is not used')
  t.equal(meanwhile.connection, plain.connection, 'and nothing is dialled anew')

  write(proxy, { key: second.key })
  let request = meanwhile
  await until(async () => {
    request = await open(asking, upstream, pods, authorization)
    t.equal((await asking.response()).status, 200)
    return whoIs(request) === renewed
  })
  t.not(request.connection, plain.connection, 'on a connection of its own')
  t.equal((request.connection.socket as TLSSocket).isSessionReused(), false, 'a resumed session would still be the old one\'s')
  for (const [target, headers] of [[`${pods}?watch=true`, []], [exec, webSocketHeaders('v5.channel.k8s.io')]] as const) {
    t.equal(whoIs(await open(await connect(), upstream, target, [...authorization, ...headers])), renewed, target)
  }

  t.equal(watched.connection.socket.destroyed, false)
  t.equal(tunnelled.connection.socket.destroyed, false)
  tunnel.send('still there')
  t.equal((await tunnel.tunnelled())?.toString(), 'still there')
  watched.connection.socket.write('5\r\n{"a"}\r\n')
  t.equal((await events.next())?.toString(), '{"a"}')
  await plain.connection.closed
  t.pass('the idle connection of the old one is closed')
})

t.test('a 401 rereads the files: with another pair there the request is sent once more', async (t) => {
  for (const [target, headers] of [[pods, []], [`${pods}?watch=true`, []], ['/apis', []], [exec, webSocketHeaders('v5.channel.k8s.io')]] as const) {
    const { upstream, proxy, connect, authorization } = await start(t)
    upstream.answer((request) => {
      if (whoIs(request) === renewed) return { status: 200, headers: ['Content-Type', 'application/json'], body: '{}' }
      // At this moment nobody has seen the change yet.
      write(proxy, clients.issue({ commonName: renewed }))
      return { status: 401, body: '{}' }
    })
    const client = await connect()
    t.equal(whoIs(await open(client, upstream, target, [...authorization, ...headers])), user, target)
    t.equal(whoIs(await upstream.nextRequest()), renewed, target)
    t.equal((await client.response()).status, 200, target)
  }
})

t.test('a 401 to the only pair there is becomes a 502 that says whose it is and until when, after one request', async (t) => {
  const { upstream, proxy, connect, authorization, first } = await start(t)
  upstream.answer(() => ({ status: 401, headers: ['WWW-Authenticate', 'Basic'], body: '{}' }))
  for (const [target, headers] of [[pods, []], [`${pods}?watch=true`, []], ['/apis', []], [exec, webSocketHeaders('v5.channel.k8s.io')]] as const) {
    const before = upstream.requests.length
    const client = await connect()
    client.request('GET', target, [...authorization, ...headers])
    const { status, body } = await client.response()
    t.equal(status, 502, target)
    t.equal(codeOf(body), 'CredentialRejected', target)
    t.match(body.toString(), `clientCertificate, ${user}: its issuer (CN=clients) is none of the API server's --client-ca-file, or it is for another cluster`, target)
    t.notMatch(body.toString(), /client\.crt|BEGIN/, target)
    t.equal(upstream.requests.length - before, 1, `${target}: sent once`)
  }
  for (const secret of [first.key.split('\n')[1] ?? '', 'PRIVATE KEY']) t.notOk(proxy.logText().includes(secret))
})
