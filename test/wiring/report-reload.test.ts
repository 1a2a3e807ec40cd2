import type { Logger } from 'pino'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { reportReload } from '../../src/wiring/report-reload.ts'

t.test('of thousands of findings each is told, in turns, and the end comes last', async (t) => {
  const lines: string[] = []
  const note = (facts: { line?: number }, text: string) => { lines.push(`${facts.line ?? ''} ${text}`) }
  const log = { warn: note, error: note, info: note } as unknown as Logger
  const warnings = Array.from({ length: 250 }, (_, index) => ({ file: 'c.yaml', line: index + 1, column: 1, path: 'callers', message: 'm', subject: 'caller a' }))
  reportReload({ ok: true, warnings }, log, 'callers', () => {})
  t.equal(lines.length, 100, 'other work gets its turn')
  while (lines.length < 251) await nextTurn()
  t.strictSame([lines[0], lines[249], lines[250]], ['1 callers has a warning', '250 callers has a warning', ' callers loaded'])
})
