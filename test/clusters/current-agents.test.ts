import t from 'tap'
import { errors } from 'undici'
import { createAgents } from '../../src/clusters/agents.ts'
import { CurrentAgents, serverNameOf } from '../../src/clusters/current-agents.ts'
import { ask } from '../support/ask-sender.ts'

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
