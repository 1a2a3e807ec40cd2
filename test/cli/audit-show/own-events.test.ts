import { Readable } from 'node:stream'
import t from 'tap'
import { toEvent, toLine, type Moment } from '../../../src/audit/event.ts'
import { Unfinished } from '../../../src/audit/unfinished.ts'
import { auditShowCommand } from '../../../src/cli/audit-show/show.ts'
import { refusalCodes, ProxyError } from '../../../src/errors.ts'
import { allowed, arrival, callerWith, resolved, rule } from '../../support/builders.ts'
import { ear } from '../../support/command.ts'

const received = Date.UTC(2026, 10, 21, 10)
const base: Moment = {
  arrival: arrival({ receivedAt: received }), stage: 'ResponseComplete', level: 'Metadata', at: received + 17, stream: false,
  facts: { resolved: resolved(), caller: callerWith(), cluster: 'prod', verdict: { ...allowed, rule: { ...rule(), scope: 'read' } } },
  outcome: { status: 200, ending: 'complete', bytesOut: 1 },
}
const { outcome: _, ...begun } = base

async function show(lines: readonly string[], json = false) {
  const [stdout, stderr] = [ear(), ear()]
  const code = await auditShowCommand({ files: ['-'], configFile: () => Promise.reject(new Error('none')), json }, {
    stdin: Readable.from(lines.map(line => `${line}\n`)), stdout, stderr, now: Date.now, signal: new AbortController().signal,
  })
  return { code, shown: stdout.text.split('\n').slice(0, -1), stderr: stderr.text }
}

const line = (moment: Moment) => toLine(toEvent(moment, []), [])

t.test('every event that we write can be read: of each stage, each refusal, each ending', async (t) => {
  const died = new Unfinished()
  died.note(line({ ...begun, stage: 'ResponseStarted', status: 200, stream: true }))
  const refused = refusalCodes.map((code) => {
    const { status, reason } = new ProxyError(code, '')
    return line({ ...base, facts: {}, outcome: { status, ending: 'complete', bytesOut: 1, refusal: { code, message: 'no', reason } } })
  })
  const ended = (['complete', 'caller-left', 'upstream-failed', 'revoked', 'drained', 'unrecorded'] as const).map(ending => line({ ...base, stream: true, outcome: { status: 200, ending, bytesOut: 1 } }))
  const left = line({ ...base, outcome: { status: 0, ending: 'caller-left', bytesOut: 0 } })
  const lines = [...refused, ...ended, left, ...died.end(received + 20)]
  const { code, shown, stderr } = await show(lines)
  t.strictSame([code, stderr, shown.length], [0, '', lines.length])
  for (const [index, refusal] of refusalCodes.entries()) t.match(shown[index], new RegExp(` ${refusal}: no$`))
  t.match(shown.at(-1), /Panic: the worker that served it died$/)
  t.strictSame((await show(lines, true)).shown, lines)
})

t.test('what has only begun can be read', async (t) => {
  const { shown, stderr } = await show([
    line({ ...begun, arrival: arrival({ auditId: 'a' }), stage: 'RequestReceived', at: received }),
    line({ ...begun, arrival: arrival({ auditId: 'b' }), stage: 'ResponseStarted', status: 101, stream: true }),
  ])
  t.equal(stderr, '')
  t.match(shown, [/ - .* no end$/, / 101 .* open$/])
})

// What a caller can write into a request so as to forge a line, or to write to the terminal of whoever reads.
for (const [what, text] of [
  ['a newline and a line of its own', '/api\n2026-11-21T10:00:00.000Z  200   list    pods'],
  ['a whole event', `/api\n${line(base)}`],
  ['escape codes', '/api\x1b[2J\x1b[1;1H\x1b]0;title\x07'],
  ['8-bit controls, as latin1 and as UTF-8', '/api\x9b31m\xc2\x9b31m'],
  ['text turned around', Buffer.from('/api/\u202egnp.exe\u2066').toString('latin1')],
  ['what is not UTF-8', '/api/\xff\xfe\xc3'],
  ['8 KB', `/${'x'.repeat(8000)}`],
] as const) {
  t.test(`${what}, in the target and in a header: one event, one harmless line`, async (t) => {
    const hostile = arrival({ target: text, method: text, rawHeaders: ['User-Agent', text] })
    const { shown, stderr } = await show([line({ ...base, arrival: hostile, facts: {}, outcome: { status: 400, ending: 'complete', bytesOut: 1, refusal: { code: 'MalformedTarget', message: text, reason: 'BadRequest' } } })])
    t.strictSame([shown.length, stderr], [1, ''])
    t.notMatch(shown[0], /[\p{C}\p{Zl}\p{Zp}]/u)
    t.match(shown[0], /^\S+Z {2}400 /)
    t.ok((shown[0]?.length ?? 0) < 1000)
  })
}
