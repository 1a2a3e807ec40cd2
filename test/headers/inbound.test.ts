import t from 'tap'
import { readImpersonation } from '../../src/headers/impersonation.ts'
import { checkInbound } from '../../src/headers/inbound.ts'
import { arrival } from '../support/builders.ts'

const refused = (rawHeaders: string[], upgrade = false) => () => checkInbound(arrival({ rawHeaders, upgrade }))

t.test('what two parsers could read differently is refused', async (t) => {
  const cases: [string, string[], boolean?][] = [
    ['no Host', ['Accept', '*/*']],
    ['two Hosts', ['Host', 'a', 'host', 'a']],
    ['two Content-Lengths', ['Host', 'a', 'Content-Length', '1', 'CONTENT-LENGTH', '1']],
    ['two Content-Types', ['Host', 'a', 'Content-Type', 'application/json', 'content-type', 'application/apply-patch+yaml']],
    ['Content-Length beside Transfer-Encoding', ['Host', 'a', 'Content-Length', '1', 'Transfer-Encoding', 'chunked']],
    ['a line break in a value', ['Host', 'a', 'Upgrade', 'websocket\r\nX: y']],
    ['a NUL in a value', ['Host', 'a', 'X', '\0']],
    ['a body on an upgrade', ['Host', 'a', 'Content-Length', '5'], true],
    ['a chunked body on an upgrade', ['Host', 'a', 'Transfer-Encoding', 'chunked'], true],
    ['two Upgrades', ['Host', 'a', 'Upgrade', 'websocket', 'Upgrade', 'h2c'], true],
  ]
  for (const [what, headers, upgrade] of cases) t.throws(refused(headers, upgrade), { code: 'MalformedHeader' }, what)
})

t.test('ordinary headers pass, and HTTP/2 needs no Host', async (t) => {
  t.doesNotThrow(refused(['Host', 'a', 'Accept', 'a', 'Accept', 'b', 'Content-Length', '5']))
  t.doesNotThrow(refused(['Host', 'a', 'Content-Length', '0'], true))
  t.doesNotThrow(() => checkInbound(arrival({ rawHeaders: [], httpVersion: '2.0' })))
})

t.test('impersonation is read whole or refused, never dropped', async (t) => {
  t.equal(readImpersonation(['Accept', 'x']), undefined)
  t.strictSame(readImpersonation([
    'Impersonate-User', 'jane', 'impersonate-group', 'a', 'Impersonate-Group', 'b', 'Impersonate-Uid', '7',
    'Impersonate-Extra-acme.com%2Fproject', 'p', 'Impersonate-Extra-Scopes', 's',
  ]), { user: 'jane', groups: ['a', 'b'], uid: '7', extra: { 'acme.com/project': ['p'], scopes: ['s'] } })
  t.strictSame(readImpersonation(['Impersonate-Extra-constructor', 'a'])?.extra.constructor, ['a'])
  for (const headers of [
    ['impersonate_user', 'jane'], ['Impersonate-Role', 'x'], ['Impersonate-User', 'a', 'impersonate-user', 'b'], ['Impersonate-Extra-%zz', 'x'],
  ]) t.throws(() => readImpersonation(headers), { code: 'ImpersonationDenied' }, headers.join(' '))
})
