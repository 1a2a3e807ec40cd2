import type { TLSSocket } from 'node:tls'
import t from 'tap'
import { errors } from 'undici'
import { createAgents } from '../../src/clusters/agents.ts'
import { CurrentAgents, serverNameOf } from '../../src/clusters/current-agents.ts'
import { ask } from '../support/ask-sender.ts'
import { makeAuthority, type Issued } from '../support/certificates.ts'
import { startHttp2Upstream, Told, type Http2Arrival } from '../support/http2-upstream.ts'

const rows: [string, string | undefined, string][] = [
  ['https://api.example.com:6443/k8s', undefined, 'api.example.com'],
  ['https://api.example.com', 'other.example.com', 'other.example.com'],
  ['https://127.0.0.1:6443', undefined, ''],
  ['https://[::1]:6443', undefined, ''],
  ['https://127.0.0.1:6443', 'api.example.com', 'api.example.com'],
]
for (const [server, name, expected] of rows) t.test(`the name of ${server}, ${name ?? 'none given'}`, async t => t.equal(serverNameOf(server, name), expected))

t.test('one certificate has one set of connections, and another retires it', async (t) => {
  const made: (string | undefined)[] = []
  const current = new CurrentAgents((certificate) => {
    made.push(certificate?.cert)
    return createAgents({ origin: 'https://api.example', ca: undefined, servername: '', timeouts: { connect: 1000, response: 1000 } })
  })
  const first = current.under(undefined)
  t.equal(current.under(undefined), first)
  const second = current.under({ cert: 'one', key: 'a' })
  t.not(second, first)
  await t.rejects(ask(first.short, { path: '/' }), errors.ClientClosedError)
  t.equal(current.under({ cert: 'one', key: 'a' }), second)
  t.not(current.under({ cert: 'one', key: 'b' }), second)
  t.strictSame(made, [undefined, 'one', 'one'])
  await current.destroy()
  await current.close()
})

t.test('connections that cannot be closed are nobody\'s unhandled rejection', async () => {
  const broken = () => {
    const agents = createAgents({ origin: 'https://api.example', ca: undefined, servername: '', timeouts: { connect: 1000, response: 1000 } })
    agents.short.close = () => Promise.reject(new Error('no'))
    return agents
  }
  const current = new CurrentAgents(broken)
  current.under(undefined)
  current.under({ cert: 'one', key: 'a' })
  await new Promise(resolve => setImmediate(resolve))
  await current.close()
})

t.test('another certificate has other HTTP/2 connections, and what is open on the old ones goes on', async (t) => {
  const clients = makeAuthority()
  const upstream = await startHttp2Upstream(t, { clientCa: clients.ca })
  const current = new CurrentAgents(certificate => createAgents({ origin: upstream.url, ca: upstream.ca, servername: '', timeouts: { connect: 25_000, response: 1000 }, certificate, http2: true }))
  t.teardown(() => current.destroy())
  const ask = (certificate: Issued): Told => {
    const told = new Told()
    current.under(certificate).long.send({ method: 'GET', target: '/watch', headers: [], body: undefined, patience: 0 }, told)
    return told
  }
  const subjectOf = ({ session }: Http2Arrival) => (session.socket as TLSSocket).getPeerCertificate().subject.CN
  const [one, two] = [clients.issue({ commonName: 'one' }), clients.issue({ commonName: 'two' })]
  const old = ask(one)
  const first = await upstream.next()
  first.stream.respond({ ':status': 200 })
  await old.head
  const fresh = ask(two)
  const second = await upstream.next()
  t.strictSame([subjectOf(first), subjectOf(second)], ['one', 'two'])
  first.stream.end('to its end')
  second.stream.respond({ ':status': 200 }, { endStream: true })
  t.strictSame([await old.over, await fresh.over, old.body.toString()], ['end', 'end', 'to its end'])
})
