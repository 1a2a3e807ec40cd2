import t from 'tap'
import type { LoggedEvent } from '../../../src/audit-log/event.ts'
import { Rows, tookWords } from '../../../src/cli/audit-show/rows.ts'
import { loggedEvent } from '../../support/audit-lines.ts'

const row = (event: Partial<LoggedEvent>) => new Rows().row(loggedEvent(event))
/** The cells, where none of them has two blanks. */
const cells = (event: Partial<LoggedEvent>) => row(event).trimEnd().split(/ {2,}/)

t.test('columns stand under their heads', async (t) => {
  const rows = new Rows()
  t.equal(`${rows.head()}${rows.row(loggedEvent())}`, `TIME                      CODE  VERB    WHAT              NAMESPACE/NAME            CALLER      TOOK    REASON
2026-11-21T10:00:00.012Z  200   list    pods              team-a/                   ci          12ms
`)
})

t.test('a wide cell makes its column wider for what comes, up to a bound', async (t) => {
  const rows = new Rows()
  const callerAt = (name: string) => rows.row(loggedEvent({ objectRef: { resource: 'pods', namespace: 'a', name } })).indexOf('  ci ')
  const before = callerAt('x')
  const wider = callerAt('x'.repeat(40))
  t.ok(wider > before)
  t.equal(callerAt('x'), wider)
  t.equal(rows.row(loggedEvent({ objectRef: { resource: 'pods', namespace: 'a', name: 'x'.repeat(90) } })).length > 0, true)
  t.ok(callerAt('x') <= wider + 8)
})

for (const [what, event, which] of [
  ['pods', { resource: 'pods', namespace: 'a', name: 'web-0' }, 'a/web-0'],
  ['pods/exec', { resource: 'pods', subresource: 'exec', namespace: 'a', name: 'web-0' }, 'a/web-0'],
  ['deployments.apps', { resource: 'deployments', apiGroup: 'apps', namespace: 'a' }, 'a/'],
  ['deployments.apps/scale', { resource: 'deployments', apiGroup: 'apps', subresource: 'scale', namespace: 'a', name: 'x' }, 'a/x'],
  ['nodes', { resource: 'nodes', name: 'n1' }, 'n1'],
  ['pods', { resource: 'pods' }, '-'],
  ['namespaces', { resource: 'namespaces', namespace: 'a', name: 'a' }, 'a'],
] as const) {
  t.test(`${what} of ${which} in kubectl's words`, async (t) => {
    t.strictSame(cells({ objectRef: event }).slice(3, 5), [what, which])
  })
}

t.test('a path stands without its query', async (t) => {
  t.strictSame(cells({ objectRef: undefined, requestURI: '/healthz?verbose=1' } as unknown as Partial<LoggedEvent>).slice(3, 5), ['/healthz', '-'])
})

for (const [what, event, expected] of [
  ['a refusal', { responseStatus: { code: 403, reason: 'Forbidden', message: 'no rule' }, annotations: { 'portcullis.dev/code': 'ScopeDenied' } }, ['403', 'ScopeDenied: no rule']],
  ['a failure of the API server', { responseStatus: { code: 404, reason: 'NotFound', message: 'pods "x" not found' } }, ['404', 'NotFound: pods "x" not found']],
  ['a failure without a word', { responseStatus: { code: 500 } }, ['500', undefined]],
  ['a stream that was revoked', { annotations: { 'portcullis.dev/ending': 'revoked' } }, ['200', 'ended: revoked']],
  ['a stream that came to its end', { annotations: { 'portcullis.dev/ending': 'complete' } }, ['200', undefined]],
  ['a caller that left', { responseStatus: { message: 'the caller left before there was an answer' }, annotations: { 'portcullis.dev/ending': 'caller-left' } }, ['-', 'the caller left before there was an answer; ended: caller-left']],
  ['a command', { annotations: { 'portcullis.dev/command': 'sh -c "ls -l"', 'portcullis.dev/exit-code': '2', 'portcullis.dev/recording': 'x.cast' } }, ['200', 'ran: sh -c "ls -l" (exit code 2), recorded: x.cast']],
  ['a command that ended well', { annotations: { 'portcullis.dev/command': 'date', 'portcullis.dev/exit-code': '0', 'portcullis.dev/ending': 'revoked' } }, ['200', 'ran: date; ended: revoked']],
  ['a port-forward', { annotations: { 'portcullis.dev/ports': '8080,9090' } }, ['200', 'ports: 8080,9090']],
  ['a panic', { stage: 'Panic', responseStatus: { code: 500, reason: 'InternalError', message: 'the worker that served it died' } }, ['500', 'Panic: the worker that served it died']],
] as const) {
  t.test(`${what}: its code, and why`, async (t) => {
    const found = cells(event)
    t.strictSame([found[1], found[7]], expected)
  })
}

t.test('whom the caller acted as, nobody, and how long', async (t) => {
  t.equal(cells({ impersonatedUser: { username: 'dev:alice' } })[5], 'ci as dev:alice')
  t.equal(cells({ user: {} })[5], '-')
  t.equal(cells({ user: {}, annotations: { 'portcullis.dev/claimed-key-id': 'k7Q2mX9a' } })[5], '(key k7Q2mX9a)')
  t.equal(cells({ user: { username: '(key k7Q2mX9a)' } })[5], '"(key k7Q2mX9a)"', 'which no name can pass for')
  t.equal(cells({ annotations: {}, stageTimestamp: '2026-11-21T10:01:05.000000Z' })[6], '1m05s', 'from the times, where no annotation says')
  t.equal(cells({ stage: 'ResponseStarted' })[6], 'open')
  t.equal(cells({ stage: 'RequestReceived' })[6], 'no end')
  t.equal(cells({ stageTimestamp: '2026-11-21T12:00:00.5+02:00' })[0], '2026-11-21T10:00:00.500Z')
})

for (const [milliseconds, words] of [
  [0, '0ms'], [999, '999ms'], [1000, '1.0s'], [59_900, '59.9s'], [59_960, '0m59s'], [60_000, '1m00s'], [3_599_999, '59m59s'], [3_600_000, '1h00m'], [90_000_000, '1d01h'],
] as const) {
  t.test(`${milliseconds} ms are ${words}`, async (t) => t.equal(tookWords(milliseconds), words))
}

// A caller writes what it likes into a target; an issuer into a name; an API server behind us into a message.
const odd = ['\n2026-11-21T10:00:00.012Z  200   list', '\x1b[2J\x1b]0;x\x07', '\x9b31m', '\r', '\u202eesrever\u2066', '\u200b', '\u2028', '\0', '\ud800', '\u{e0041}', '\u007f', '\ufeff']
for (const text of odd) {
  t.test(`${[...text].map(character => character.codePointAt(0)?.toString(16)).join(' ')} reaches no terminal raw, in whatever field, and a row stays a row`, async (t) => {
    const everywhere = loggedEvent({
      verb: text, user: { username: text }, impersonatedUser: { username: text },
      objectRef: { resource: text, namespace: text, name: text, apiGroup: text, subresource: text },
      responseStatus: { code: 403, message: text, reason: text }, annotations: { 'portcullis.dev/code': text, 'portcullis.dev/ending': text, 'portcullis.dev/claimed-key-id': text },
    })
    for (const event of [everywhere, loggedEvent({ ...everywhere, user: {}, objectRef: {}, requestURI: text })]) {
      const line = new Rows().row(event)
      t.notMatch(line.slice(0, -1), /[\p{C}\p{Zl}\p{Zp}]/u)
      t.equal(line.at(-1), '\n')
    }
  })
}

t.test('a name with blanks in it is in quotes, and makes no columns', async (t) => {
  t.match(row({ user: { username: 'ci          1ms' } }), /"ci {10}1ms" /)
})

t.test('what is endless is cut', async (t) => {
  t.ok(row({ requestURI: `/${'x'.repeat(8000)}`, objectRef: {}, responseStatus: { code: 400, message: 'y'.repeat(8000) } }).length < 700)
})
