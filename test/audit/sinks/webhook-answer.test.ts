import t from 'tap'
import { adviceFor, readRetryAfter } from '../../../src/audit/sinks/webhook-answer.ts'

const now = Date.UTC(2026, 10, 28, 10)

for (const [value, milliseconds] of [
  ['0', 0], ['120', 120_000], ['Sat, 28 Nov 2026 10:00:30 GMT', 30_000], ['Sat, 28 Nov 2026 09:00:00 GMT', 0],
  ['soon', undefined], ['-1', undefined], ['1.5e9', undefined], ['99999999999', undefined], ['', undefined], [['1', '2'], undefined], [undefined, undefined],
] as const) {
  t.test(`Retry-After ${JSON.stringify(value)}`, async (t) => {
    t.equal(readRetryAfter(value as string | undefined, now), milliseconds)
  })
}

t.test('every answer that is not 2xx comes with what to do', async (t) => {
  for (const [status, advice] of [[301, /name where it leads to/], [400, /its own log/], [401, /credential/], [403, /credential/], [404, /path of `url`/], [413, /123 bytes/], [422, /its own log/], [429, /busy/], [502, /tried again/]] as const) {
    t.match(adviceFor(status, 123), advice)
  }
})
