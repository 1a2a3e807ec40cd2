import t from 'tap'
import type { AuditEvent, Moment } from '../../src/audit/event.ts'
import { toEvent, toLine } from '../../src/audit/event.ts'
import type { Ending, Facts } from '../../src/model/trail.ts'
import { faultsOfEvent } from '../support/audit-schema.ts'
import { allowed, arrival, callerWith, resolved } from '../support/builders.ts'
import { keyFor } from '../support/keys.ts'

const received = Date.UTC(2026, 10, 21, 10)
const held = 'opaque-held-secret-0123456789'

function event(subresource: string, query: string, { verb = 'create', facts = {}, ...moment }: Partial<Omit<Moment, 'facts'>> & { verb?: string, facts?: Facts } = {}): AuditEvent {
  const target = `/api/v1/namespaces/a/pods/web-0/${subresource}${query}`
  const written = toLine(toEvent({
    arrival: arrival({ target, receivedAt: received }),
    facts: { resolved: resolved({ target, longRunning: true, attributes: { verb, subresource, name: 'web-0', path: target } }), caller: callerWith(), cluster: 'prod', verdict: allowed, ...facts },
    stage: 'ResponseComplete', level: 'Metadata', at: received + 5, stream: true, outcome: { status: 101, ending: 'complete', bytesOut: 9 },
    ...moment,
  }, [held]), [held])
  t.strictSame(faultsOfEvent(JSON.parse(written)), [])
  return JSON.parse(written) as AuditEvent
}

const told = (subresource: string, query: string, more: Parameters<typeof event>[2] = {}) => event(subresource, query, more).annotations ?? {}

t.test('an exec names its container and its command, as a person would type it, whatever carries it', async (t) => {
  const query = '?command=sh&command=-c&command=echo+%22a%22+%26%26+ls&container=app&stdin=true&tty=true'
  for (const verb of ['get', 'create']) {
    t.match(told('exec', query, { verb }), { 'portcullis.dev/container': 'app', 'portcullis.dev/command': 'sh -c \'echo "a" && ls\'' })
  }
  t.match(told('exec', query, { stage: 'ResponseStarted', outcome: undefined, status: 101 } as never), { 'portcullis.dev/command': /^sh -c/ }, 'from its beginning on')
  t.match(told('attach', '?container=app'), { 'portcullis.dev/container': 'app', 'portcullis.dev/command': undefined })
  t.notOk('portcullis.dev/container' in told('exec', '?command=ls'), 'the default one of the pod has no name here')
  t.match(event('exec', query), { objectRef: { resource: 'pods', namespace: 'a', name: 'web-0', subresource: 'exec' } })
})

t.test('keys stay in order, as Go prints a map', async (t) => {
  const keys = Object.keys(told('exec', '?command=ls&container=app', { facts: { received: { bytes: 5 }, session: { recording: { file: 'x.cast', sha256: 'ab', exitCode: 0 } } } }))
  t.strictSame(keys, [...keys].sort())
})

t.test('the query is read as the API server reads it', async (t) => {
  const rows: [string, string | undefined][] = [
    ['?command=a&command=b%20c&command=', 'a \'b c\' \'\''],
    ['?%63ommand=ls&command=-l', 'ls -l'],
    ['?command=ls;command=rm&command=x', 'x'],
    ['?command=%zz&command=ls', 'ls'],
    ['?Command=ls', undefined],
    ['', undefined],
    ['?command=it%27s', '\'it\'\\\'\'s\''],
    ['?command=a%0Ab', '\'a\nb\''],
  ]
  for (const [query, command] of rows) t.equal(told('exec', query)['portcullis.dev/command'], command, query)
})

t.test('a command is bounded, and no half of a secret is left at its end', async (t) => {
  const long = told('exec', `?command=${'x'.repeat(4090)}+${held}`)['portcullis.dev/command'] ?? ''
  t.equal(long.length, 4096 + '...TRUNCATED'.length)
  t.notOk(long.includes('opaque'))
})

t.test('a port-forward names the ports that it asks for, in its query and by its streams', async (t) => {
  const facts = { session: { ports: [9090, 8080] } }
  t.equal(told('portforward', '?ports=8080&ports=80,81&ports=x', { facts })['portcullis.dev/ports'], '8080,80,81,9090')
  t.equal(told('portforward', '', { facts })['portcullis.dev/ports'], '9090,8080')
})

t.test('requestURI and command hide the same', async (t) => {
  const { key } = keyFor('k7Q2mX9a')
  const rows: [string[], string][] = [
    [['login', '--token', 'abc'], 'login --token [redacted]'],
    [['login', '--token=abc'], 'login --token=[redacted]'],
    [['mysql', '-pabc'], 'mysql -p[redacted]'],
    [['env', 'DB_PASSWORD=abc', 'x'], 'env DB_PASSWORD=[redacted] x'],
    [['curl', '-u', 'me:abc', '-H', 'Authorization: abc'], 'curl -u me:[redacted] -H \'Authorization: [redacted]\''],
    [['git', 'clone', 'https://me:abc@h/x'], 'git clone https://me:[redacted]@h/x'],
    [['sh', '-c', 'mysql -pabc; ls'], 'sh -c \'mysql -p[redacted]; ls\''],
    [['echo', key], 'echo pcl_k7Q2mX9a_[redacted]'],
    [['echo', Buffer.from(key).toString('base64')], 'echo [redacted]'],
    [['echo', held], 'echo [redacted]'],
  ]
  for (const [words, command] of rows) {
    const { requestURI, annotations } = event('exec', `?${words.map(word => `command=${encodeURIComponent(word)}`).join('&')}`)
    t.equal(annotations?.['portcullis.dev/command'], command)
    const sent = [...new URLSearchParams(requestURI.split('?')[1]).getAll('command')]
    t.notMatch(sent.join(' '), /abc|0123456789/)
    for (const word of sent) t.ok(command.includes(word.replaceAll(/'/g, '')), `${word} in ${command}`)
  }
})

t.test('what the streams themselves said is told at the end alone', async (t) => {
  const facts = { received: { bytes: 17 }, session: { recording: { file: 'x.cast', sha256: 'ab', exitCode: 3, truncated: 'size' as const } } }
  const all = {
    'portcullis.dev/bytes-in': '17', 'portcullis.dev/exit-code': '3', 'portcullis.dev/recording': 'x.cast',
    'portcullis.dev/recording-sha256': 'ab', 'portcullis.dev/recording-truncated': 'size',
  }
  t.match(told('exec', '?command=ls', { facts }), all)
  const begun = told('exec', '?command=ls', { facts, stage: 'ResponseStarted', outcome: undefined } as never)
  for (const name of Object.keys(all)) t.notOk(name in begun, name)
})

t.test('other requests have none of it', async (t) => {
  for (const subresource of ['log', 'proxy', '', 'status']) {
    t.strictSame(Object.keys(told(subresource, '?command=ls&container=app&ports=80')).filter(name => /command|container|ports/.test(name)), [], subresource)
  }
})

const endings: [Ending, RegExp | undefined][] = [
  ['complete', undefined], ['caller-left', /the caller left/], ['upstream-failed', /broke off/],
  ['revoked', /key or the scope/], ['drained', /shutting down/], ['unrecorded', /recording/],
]
for (const [ending, words] of endings) {
  t.test(`of a stream that ended so is said why, in words: ${ending}`, async (t) => {
    const { responseStatus, annotations } = event('exec', '', { outcome: { status: 101, ending, bytesOut: 9 } })
    t.match(responseStatus?.message, words)
    t.equal(responseStatus?.code, 101)
    t.match(annotations, { 'portcullis.dev/ending': ending, 'portcullis.dev/duration-ms': '5', 'portcullis.dev/bytes-out': '9' })
  })
}

t.test('an answer that came through whole has no such words', async (t) => {
  t.notOk(event('status', '', { stream: false, outcome: { status: 200, ending: 'complete', bytesOut: 9 } }).responseStatus?.message)
  t.match(event('status', '', { stream: false, outcome: { status: 200, ending: 'upstream-failed', bytesOut: 9 } }).responseStatus?.message, /broke off/)
})
