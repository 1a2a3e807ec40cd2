// An upgrade behind a request that is still being answered: its answer would be taken for that request's.
import t from 'tap'
import { answerAll, startTarget } from '../support/attack-target.ts'
import { spdyHeaders, webSocketHeaders } from '../support/upgrades.ts'

const target = await startTarget(t)
const pods = '/api/v1/namespaces/a/pods'
const exec = `${pods}/x/exec?command=sh`
const lines = (headers: readonly string[]) => headers.map((text, at) => at % 2 === 0 ? `${text}: ` : `${text}\r\n`).join('')
const key = `Authorization: Bearer ${target.root.key}\r\n`

const upgrades = {
  'websocket': `GET ${exec} HTTP/1.1\r\nHost: a\r\n${key}${lines(webSocketHeaders('v5.channel.k8s.io'))}\r\n`,
  'spdy': `POST ${exec} HTTP/1.1\r\nHost: a\r\n${key}${lines(spdyHeaders())}\r\n`,
  'websocket without a key': `GET ${exec} HTTP/1.1\r\nHost: a\r\n${lines(webSocketHeaders('v5.channel.k8s.io'))}\r\n`,
  'CONNECT': 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
}

for (const way of ['plain', 'tls'] as const) {
  for (const [name, upgrade] of Object.entries(upgrades)) {
    t.test(`${way}: ${name} overtakes no answer`, async (t) => {
      target.upstream.answer((request, reply) => request.target.includes('slow=') ? 'hold' : answerAll(request, reply))
      const proxy = target.proxyOf(way)
      await target.settle(way)
      const seen = target.upstream.requests.length
      const events = proxy.events().length
      const client = await target.connect(way)
      client.send(`GET ${pods}?slow=1 HTTP/1.1\r\nHost: a\r\n${key}\r\n${upgrade}`)
      t.equal((await client.closed()).toString('latin1'), '', 'nothing is said')
      await target.settle(way)
      const reached = target.upstream.requests.slice(seen).filter(({ target }) => !target.includes('marker='))
      t.notOk(reached.some(({ target }) => target === exec), 'the upgrade did not go up')
      for (const { connection } of reached) await connection.closed
      const codes = proxy.events().slice(events).map(({ annotations }) => annotations?.['portcullis.dev/code']).filter((code) => code !== undefined)
      t.strictSame(codes, ['MalformedHeader'], 'it is recorded')
    })
  }

  t.test(`${way}: an upgrade after a whole answer is none the worse for it`, async (t) => {
    target.upstream.answer(answerAll)
    const client = await target.connect(way)
    client.request('GET', pods, ['Authorization', `Bearer ${target.root.key}`])
    t.equal((await client.response()).status, 200)
    client.send(upgrades.websocket)
    t.equal((await client.response()).status, 101)
  })
}

t.test('no sink holds a secret', (t) => target.silentSinks(t))
