import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { requireNameServers } from '../../src/cli/name-servers.ts'

/** A name server that takes every question, and answers that there is no such name, or nothing at all. */
async function startNameServer(t: Test, answers: boolean): Promise<string> {
  const socket = createSocket('udp4')
  t.teardown(() => socket.close())
  socket.on('message', (question, { port, address }) => {
    // RFC 1035 §4.1.1: the question back, as a response with NXDOMAIN.
    const answer = Buffer.from(question)
    answer.writeUInt16BE(0x8183, 2)
    if (answers) socket.send(answer, port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return `127.0.0.1:${socket.address().port}`
}

t.test('where no name server answers, a host is not looked up', async (t) => {
  const silent = await startNameServer(t, false)
  await t.rejects(requireNameServers('api.prod.example', { servers: [silent], within: 50 }), { message: 'no name server told within 0.05 s where api.prod.example is' })
  for (const host of ['127.0.0.1', '[::1]', 'localhost', 'a.localhost']) await t.resolves(requireNameServers(host, { servers: [silent], within: 50 }), host)
})

t.test('an answer is enough, whatever it says: a hosts file may know better', async (t) => {
  await t.resolves(requireNameServers('api.prod.example', { servers: [await startNameServer(t, true)], within: 5000 }))
})
