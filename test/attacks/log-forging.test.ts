// What a caller sends must not become a line of its own in the audit log, nor move the cursor of whoever reads it.
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import { auditShowCommand } from '../../src/cli/audit-show/show.ts'
import { startTarget, type Way } from '../support/attack-target.ts'
import { ear } from '../support/command.ts'

const audit = { sinks: [{ file: { path: 'audit.log' } }], mode: 'blocking', policy: [{ level: 'RequestResponse' }], omitStages: [] }
const target = await startTarget(t, { config: { audit } })
const line = '{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"forged","stage":"ResponseComplete","user":{"username":"admin"}}'
const obeyed = '\u001b[2J\u001b]0;owned\u0007\u009b31m\u202e\u2028\u200b\ufeff'
const pods = '/api/v1/namespaces/a/pods'

/** Header bytes are latin1 for Node: so these reach the wire as they are. */
const bytes = (text: string) => Buffer.from(text).toString('latin1')
const rows: readonly (readonly [what: string, way: Way, attack: Parameters<typeof target.send>[1]])[] = (['plain', 'tls', 'http2'] as const).flatMap(way => [
  ['an encoded line in the path', way, { target: `${pods}/${encodeURIComponent(`\n${line}\n`)}` }],
  ['an encoded line in the query', way, { target: `${pods}?labelSelector=${encodeURIComponent(`\r\n${line}\r\n`)}` }],
  ['a line in the body', way, { method: 'PUT', target: `${pods}/x`, headers: ['Content-Type', 'application/json'], body: JSON.stringify({ a: `\n${line}\n`, [obeyed]: obeyed }) }],
  ['a line in the YAML of an apply', way, { method: 'PATCH', target: `${pods}/x`, headers: ['Content-Type', 'application/apply-patch+yaml'], body: `a: |\n  x\n  ${line}\n` }],
  ['a command that is a line', way, { method: 'POST', target: `${pods}/x/exec?command=${encodeURIComponent(`\n${line}\n${obeyed}`)}` }],
  ['8 KB of target', way, { target: `${pods}?labelSelector=${'x'.repeat(8000)}` }],
  ['8 KB of escapes', way, { target: `${pods}?labelSelector=${'%1b%5b'.repeat(1300)}` }],
  ...way === 'http2' ? [] : [
    ['an agent that a terminal would obey', way, { headers: ['User-Agent', bytes(`tool ${obeyed.replace(/[\u0000-\u001f]/g, '')}`)] }] as const,
    ['an agent that is no UTF-8', way, { headers: ['User-Agent', 'tool \u00ff\u00fe\u00c3\u0028\u009b'] }] as const,
    ['an impersonation that is no UTF-8', way, { headers: ['Impersonate-User', '\u00ff\u0080'] }] as const,
  ],
] as const)

for (const [what, way, attack] of rows) {
  t.test(`${way}: ${what}`, async (t) => {
    const proxy = target.proxyOf(way)
    await target.settle(way)
    const before = proxy.auditText().length
    await target.send(way, attack).catch(() => undefined)
    await target.settle(way)
    const fresh = proxy.auditText().slice(before).trimEnd().split('\n')
    for (const text of fresh) {
      const event = JSON.parse(text) as { auditID: string }
      t.match(event.auditID, /^[0-9a-f-]{36}$/, 'a line is an event of ours')
       
      t.notMatch(text, /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\ufeff]/, 'and prints harmlessly')
    }
    t.ok(fresh.length >= 2, 'the attack has its events')
  })
}

t.test('what is shown of all that is a row an event, and harmless', async (t) => {
  for (const proxy of [target.plain, target.tls]) {
    const [stdout, stderr] = [ear(), ear()]
    const files = [join(proxy.folder, 'audit.log')]
    await auditShowCommand({ files, configFile: async () => '' }, { stdin: Readable.from([]), stdout, stderr, now: Date.now, signal: new AbortController().signal })
     
    t.notMatch(stdout.text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\ufeff]/)
    const rows = stdout.text.trimEnd().split('\n')
    for (const row of rows) t.match(row, /^\d{4}-\d\d-\d\dT/)
    t.equal(rows.length, new Set(proxy.events().map(({ auditID }) => auditID)).size, 'none of its own for what was sent')
  }
})
