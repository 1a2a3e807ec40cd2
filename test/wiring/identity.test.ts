import t from 'tap'
import { createLog } from '../../src/log/log.ts'
import type { Config } from '../../src/config/config.ts'
import type { CallerDefinition } from '../../src/model/caller.ts'
import { wireIdentity } from '../../src/wiring/identity.ts'
import { definition } from '../support/builders.ts'
import { MemoryLog } from '../support/memory-log.ts'

const certificate = { subject: undefined, subjectAltName: 'DNS:x', publicKeySha256: undefined }
const named = (name: string) => definition({ name, identities: { jwts: [], certificates: [certificate] } })

t.test('that no client is asked for a certificate is told once, and again where other callers wait for one', async (t) => {
  const log = new MemoryLog()
  let all: readonly CallerDefinition[] = [named('one')]
  let changed = () => {}
  const callers = { all: () => all, onChange: (listener: () => void) => { changed = listener; return () => true } }
  const wired = wireIdentity({ listen: {} } as Config, callers, createLog({ level: 'warn', destination: log, redact: text => text }))
  t.teardown(() => wired.close())
  const told = () => log.text.split('\n').flatMap(line => /clientCertificate: ([a-z, ]+)"/.exec(line)?.[1] ?? [])
  t.strictSame(told(), ['one'])
  changed()
  all = [named('one'), definition({ name: 'other' })]
  changed()
  t.strictSame(told(), ['one'])
  all = [named('one'), named('two')]
  changed()
  t.strictSame(told(), ['one', 'one, two'])
  all = []
  changed()
  all = [named('one'), named('two')]
  changed()
  t.strictSame(told(), ['one', 'one, two', 'one, two'], 'what went and came back')
})
