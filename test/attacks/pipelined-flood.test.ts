// Requests sent in advance behind one that does not end: each waits in memory for its turn.
import t from 'tap'
import { answerAll, startTarget } from '../support/attack-target.ts'

const target = await startTarget(t)
const key = `Authorization: Bearer ${target.root.key}\r\n`
const pods = '/api/v1/namespaces/a/pods'
const hello = `GET ${pods} HTTP/1.1\r\nHost: a\r\n${key}\r\n`

for (const way of ['plain', 'tls'] as const) {
  t.test(`${way}: more than any client sends in advance ends the connection, and the watch before them`, async (t) => {
    target.upstream.answer((request, reply) => request.target.includes('watch=') ? 'hold' : answerAll(request, reply))
    const client = await target.connect(way)
    const seen = target.upstream.requests.length
    client.send(`GET ${pods}?watch=1 HTTP/1.1\r\nHost: a\r\n${key}\r\n`)
    client.send(hello.repeat(200))
    await client.closed()
    await target.settle(way)
    const sent = target.upstream.requests.slice(seen).filter(({ target }) => !target.includes('marker='))
    for (const { connection, target } of sent) if (target.includes('watch=')) await connection.closed
    t.notOk(sent.some(({ target }) => target === pods), 'none of those that waited began')
    target.upstream.answer(answerAll)
  })

  t.test(`${way}: a client that is always some requests ahead is served`, async (t) => {
    const client = await target.connect(way)
    client.send(hello.repeat(20))
    for (let round = 0; round < 12; round += 1) {
      for (let i = 0; i < 10; i += 1) t.equal((await client.response()).status, 200)
      if (round < 10) client.send(hello.repeat(10))
    }
  })
}
