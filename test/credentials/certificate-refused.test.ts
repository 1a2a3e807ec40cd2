// Servers that refuse a client certificate within TLS: by TLS 1.2 in the handshake, by 1.3 when the client takes that for done.
import type { TLSSocket } from 'node:tls'
import t from 'tap'
import type { Presented } from '../../src/credentials/credential.ts'
import { callerEntry, codeOf } from '../support/attack-target.ts'
import { makeAuthority } from '../support/certificates.ts'
import { clusterFor, credentialOf, type TestCredential } from '../support/cluster-builders.ts'
import { startForwarder } from '../support/forwarder.ts'
import { keyFor } from '../support/keys.ts'
import { startProxy } from '../support/proxy.ts'
import { connectRaw } from '../support/raw-client.ts'
import { startUpstream } from '../support/recording-upstream.ts'
import { alerts, startRefusingServer } from '../support/refusing-tls-server.ts'
import type { Scope } from '../support/scope.ts'
import { startFront } from '../support/tunnel-front.ts'
import { webSocketAccepted, webSocketHeaders } from '../support/upgrades.ts'

const versions = ['TLSv1.2', 'TLSv1.3'] as const
type Version = typeof versions[number]

const clients = makeAuthority('clients')
const user = 'system:serviceaccount:portcullis:portcullis'
const pods = '/api/v1/namespaces/a/pods'
const webSocket = webSocketHeaders('v5.channel.k8s.io')

/** A certificate, and another one after `renew`, if there is. */
function underCertificate(credential: TestCredential, next?: string): TestCredential {
  let presented: Presented = { authorization: undefined, certificate: clients.issue({ commonName: user }) }
  return Object.assign(credential, {
    present: () => presented,
    renew: async () => {
      credential.rejected.push('certificate')
      if (next === undefined) return false
      presented = { authorization: undefined, certificate: clients.issue({ commonName: next }) }
      return true
    },
  })
}

function clusterOf(t: Scope, server: { readonly url: string, readonly ca: string }, next?: string) {
  const credential = underCertificate(credentialOf('unused'), next)
  return { credential, cluster: clusterFor(t, server, { credential }) }
}

/** Refuses the first connection, and leads the next ones to an API server that writes down who asks. */
async function startOnceRefusing(t: Scope, version: Version) {
  const authority = makeAuthority()
  const upstream = await startUpstream(t, { tls: authority.issue(), ca: authority.ca, clientCa: clients.ca })
  const asked: string[] = []
  upstream.answer((request, reply) => {
    asked.push((request.connection.socket as TLSSocket).getPeerCertificate().subject.CN as string)
    if (request.all('upgrade').length > 0) reply.upgrade(webSocketAccepted('v5.channel.k8s.io')).end()
    else return { status: 200, body: '{}' }
  })
  const server = await startRefusingServer(t, { alert: alerts.expired, version, authority, then: { after: 1, port: upstream.port } })
  return { server, asked }
}

t.test('every alert of that kind is a rejected credential, which is asked for a newer one once', async (t) => {
  for (const version of versions) {
    for (const [name, alert] of Object.entries(alerts)) {
      const server = await startRefusingServer(t, { alert, version })
      const { cluster, credential } = clusterOf(t, server)
      await t.rejects(cluster.fetch('/version', []), { code: 'CredentialRejected', cause: { cause: { code: 'CredentialRejected' } } }, `${version} ${name}`)
      t.equal(credential.rejected.length, 1, `${version} ${name}: renewed once`)
      t.equal(server.refused, 1, `${version} ${name}: dialled once`)
    }
  }
})

t.test('an alert about anything else is no rejected credential', async (t) => {
  for (const version of versions) {
    for (const [name, alert] of Object.entries({ handshakeFailure: 40, protocolVersion: 70, internalError: 80 })) {
      const { cluster, credential } = clusterOf(t, await startRefusingServer(t, { alert, version }))
      await t.rejects(cluster.fetch('/version', []), { code: 'BadUpstream', message: 'TLS with the API server failed' }, `${version} ${name}`)
      t.equal(credential.rejected.length, 0)
    }
  }
})

for (const version of versions) {
  t.test(`callers are told with a 502 that it is about us: ${version}`, async (t) => {
    const server = await startRefusingServer(t, { alert: alerts.unknownCa, version })
    const { cert, key } = clients.issue({ commonName: user })
    const caller = keyFor('rootroot')
    const rules = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] }]
    const proxy = await startProxy(t, {
      upstreams: { prod: server }, token: 'unused-token', callers: { callers: [callerEntry('root', caller, rules)] },
      credential: { clientCertificate: { certFile: 'client.crt', keyFile: 'client.key' } }, files: { 'client.crt': cert, 'client.key': key },
    })
    const shown: [method: string, target: string, headers: readonly string[], body?: string][] = [
      ['GET', pods, []], ['POST', pods, [], 'x'.repeat(300_000)], ['GET', `${pods}?watch=true`, []], ['GET', '/apis', []],
      ['GET', `${pods}/x/exec?command=sh`, webSocket],
    ]
    for (const [method, target, headers, body] of shown) {
      const client = await connectRaw(t, { port: proxy.port })
      client.request(method, target, ['Authorization', `Bearer ${caller.key}`, ...headers], body)
      const { status, body: told } = await client.response()
      t.equal(status, 502, target)
      t.equal(codeOf(told), 'CredentialRejected', target)
      t.match(told.toString(), `the API server of cluster \\"prod\\" rejected the credential of Portcullis itself (clientCertificate, ${user}: `, target)
      t.notMatch(told.toString(), /ALERT|SSL|retryAfter|client\.crt/, target)
    }
    t.match(proxy.logText(), /ALERT_UNKNOWN_CA/, 'the log has the alert')
  })

  t.test(`with a newer certificate a request without a body is sent once more: ${version}`, async (t) => {
    for (const target of [pods, `${pods}?watch=true`]) {
      const { server, asked } = await startOnceRefusing(t, version)
      const forwarder = await startForwarder(t, { upstream: server, plain: true })
      underCertificate(forwarder.credential, 'renewed')
      const client = await connectRaw(t, { port: forwarder.port })
      client.request('GET', target)
      t.equal((await client.response()).status, 200, target)
      t.strictSame([server.refused, asked], [1, ['renewed']], target)
    }
  })

  t.test(`with a newer certificate one with a body is not, but the next one goes through: ${version}`, async (t) => {
    const { server, asked } = await startOnceRefusing(t, version)
    const forwarder = await startForwarder(t, { upstream: server, plain: true })
    underCertificate(forwarder.credential, 'renewed')
    for (const status of [502, 200]) {
      const client = await connectRaw(t, { port: forwarder.port })
      client.request('POST', pods, [], '{}')
      t.equal((await client.response()).status, status)
    }
    t.strictSame([server.refused, asked], [1, ['renewed']])
  })

  t.test(`with a newer certificate a tunnel and a request of our own are dialled once more: ${version}`, async (t) => {
    const { server, asked } = await startOnceRefusing(t, version)
    const front = await startFront(t, clusterOf(t, server, 'renewed').cluster)
    const client = await connectRaw(t, { port: front.port })
    client.request('GET', `${pods}/x/exec`, webSocket)
    t.equal((await client.response()).status, 101)
    t.strictSame([server.refused, asked], [1, ['renewed']])

    const again = await startOnceRefusing(t, version)
    t.equal((await clusterOf(t, again.server, 'renewed').cluster.fetch('/version', [])).status, 200)
    t.strictSame([again.server.refused, again.asked], [1, ['renewed']])
  })

  t.test(`a tunnel that is refused again is no tunnel: ${version}`, async (t) => {
    const server = await startRefusingServer(t, { alert: alerts.revoked, version })
    const front = await startFront(t, clusterOf(t, server, 'renewed').cluster)
    const client = await connectRaw(t, { port: front.port })
    client.request('GET', `${pods}/x/exec`, webSocket)
    t.equal(codeOf((await client.response()).body), 'CredentialRejected')
    t.equal(server.refused, 2)
  })
}
