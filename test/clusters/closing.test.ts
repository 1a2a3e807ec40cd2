import t, { type Test } from 'tap'
import { createClient } from '../../src/clusters/client.ts'
import { credentialOf } from '../support/cluster-builders.ts'
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
  const { body } = await client.long.request({ origin: upstream.url, path: '/watch', method: 'GET' })
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
