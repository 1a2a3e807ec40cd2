import t, { type Test } from 'tap'
import { createClient } from '../../src/clusters/client.ts'
import { createClusters } from '../../src/clusters/clusters.ts'
import { ask } from '../support/ask-sender.ts'
import { makeAuthority } from '../support/certificates.ts'
import { clusterFor, credentialOf } from '../support/cluster-builders.ts'
import { startUpstream, type Reply } from '../support/recording-upstream.ts'

/** A client, and a stream that is open on it. */
async function streaming(t: Test) {
  const upstream = await startUpstream(t)
  const credential = credentialOf('x')
  const client = createClient({ name: 'prod', server: upstream.url, ca: upstream.ca, tlsServerName: undefined, credential, timeouts: { connect: 5000, response: 30_000 } })
  const opened = new Promise<Reply>((resolve) => {
    upstream.answer((_, reply) => {
      reply.stream(200, ['Content-Type', 'application/json'])
      resolve(reply)
    })
  })
  const { body } = await ask(client.long, { path: '/watch' })
  return { upstream, credential, client, body, stream: await opened }
}

t.test('a credential renews no more as soon as its client is closed, though a stream is open and goes on', async (t) => {
  const { credential, client, body, stream } = await streaming(t)
  const closed = client.close()
  t.equal(credential.closed, true)
  t.equal(credential.present().authorization, 'Bearer x')
  stream.chunk('to its end')
  stream.end()
  t.equal(await body.text(), 'to its end')
  await closed
})

const patient = { timeouts: { connect: 5000, response: 3_600_000 } }

t.test('one that is destroyed cuts what hangs, on the connections of an earlier certificate too', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer(() => 'hold')
  const people = makeAuthority('people')
  let certificate = people.issue({ commonName: 'one' })
  const credential = { ...credentialOf('x'), present: () => ({ authorization: undefined, certificate }) }
  const cluster = clusterFor(t, upstream, { credential, ...patient })
  const hanging = [cluster.fetch('/one', [])]
  await upstream.nextRequest()
  certificate = people.issue({ commonName: 'two' })
  hanging.push(cluster.fetch('/two', []))
  await upstream.nextRequest()
  const cut = Promise.allSettled(hanging)
  await cluster.destroy()
  t.match(await cut, [{ status: 'rejected', reason: { code: 'BadUpstream' } }, { status: 'rejected', reason: { code: 'BadUpstream' } }])
  await Promise.all(upstream.connections.map(({ closed }) => closed))
})

t.test('at a shutdown a cluster that was replaced is cut as well', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer(() => 'hold')
  const [gone, kept] = [clusterFor(t, upstream, patient), clusterFor(t, upstream, patient)]
  const clusters = createClusters([gone])
  const hanging = Promise.allSettled([gone.fetch('/version', [])])
  await upstream.nextRequest()
  const replaced = clusters.replace([kept])
  await clusters.destroy()
  t.match(await hanging, [{ status: 'rejected' }])
  await replaced
})
