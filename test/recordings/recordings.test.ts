import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createRecordings, type RecordingSettings, type RecordingsOptions } from '../../src/recordings/create.ts'
import { realDisk, type Disk } from '../../src/recordings/disk.ts'
import type { SessionProtocol } from '../../src/protocols/channels.ts'
import { admitted, arrival, callerWith, resolved } from '../support/builders.ts'
import { faultsOfCast, readCasts, toCast } from '../support/casts.ts'
import { removeLater } from '../support/scope.ts'
import { channelFrame, SpdyClientFrames, webSocketFrame } from '../support/session-frames.ts'
import { until } from '../support/until.ts'

const auditId = '11111111-2222-4333-8444-555555555555'
const receivedAt = Date.UTC(2026, 10, 21, 10)
const v5: SessionProtocol = { kind: 'websocket', subprotocol: 'v5.channel.k8s.io', extensions: '' }
const success = '{"metadata":{},"status":"Success"}'
const down = { masked: false }

function exec(query = '?command=sh&container=app&tty=true', { caller = 'ci', id = auditId } = {}) {
  const target = `/api/v1/namespaces/a/pods/web-0/exec${query}`
  return admitted({
    arrival: arrival({ target, receivedAt, auditId: id, upgrade: true }), caller: callerWith([], { name: caller }),
    resolved: resolved({ target, longRunning: true, attributes: { verb: 'create', namespace: 'a', name: 'web-0', subresource: 'exec' } }),
  })
}

interface SetUp extends Partial<RecordingsOptions> {
  readonly settings?: Partial<RecordingSettings>
}

async function setUp(t: Test, { settings, ...options }: SetUp = {}) {
  const parent = await mkdtemp(join(tmpdir(), 'portcullis-recordings-'))
  removeLater(t, parent)
  const folder = join(parent, 'recordings')
  const clock = { now: receivedAt, elapsed: 0 }
  const told = { dropped: 0, lost: 0, errors: [] as Error[] }
  const recordings = createRecordings({
    strict: false, secrets: () => [], now: () => clock.now, elapsed: () => clock.elapsed,
    onDropped: (events) => { told.dropped += events }, onError: error => told.errors.push(error), ...options,
  })
  recordings.configure({ folder, maxSize: 1 << 20, ...settings })
  t.teardown(() => recordings.close())
  return { folder, recordings, clock, told, open: (one = exec()) => recordings.open(one, () => { told.lost += 1 }) }
}

/** A disk on which the writes behind the first wait for the test, or fail. */
function slowDisk(): { disk: Disk, release: () => void, fail: (error: Error) => void } {
  let writes = 0
  let settle: [() => void, (error: Error) => void] = [() => {}, () => {}]
  const gate = new Promise<void>((resolve, reject) => { settle = [resolve, reject] })
  gate.catch(() => {})
  const disk: Disk = {
    ...realDisk,
    async create(path) {
      const file = await realDisk.create(path)
      return { ...file, write: async (bytes) => {
        writes += 1
        if (writes > 1) await gate
        await file.write(bytes)
      } }
    },
  }
  return { disk, release: () => settle[0](), fail: error => settle[1](error) }
}

t.test('a session is a file of asciicast v2: what was typed and shown, sizes, and how it ended', async (t) => {
  const { folder, open, clock, told } = await setUp(t)
  const recording = await open()
  t.strictSame(await readdir(folder), [`2026-11-21-ci-${auditId}.cast.part`], 'from its beginning on')
  recording.begin(v5)
  recording.fromUpstream(channelFrame('stdout', '', down))
  recording.fromCaller(channelFrame('resize', '{"Width":100,"Height":30}\n'))
  clock.elapsed = 1500
  recording.fromCaller(channelFrame('stdin', 'ls\r'))
  clock.elapsed = 1600.1234567
  recording.fromUpstream(channelFrame('stdout', 'a.txt\r\n', down))
  recording.fromUpstream(channelFrame('stderr', '\u001b[31mno\u001b[0m \u009b2J\r\n', down))
  recording.fromUpstream(channelFrame('error', '{"status":"Failure","reason":"NonZeroExitCode","message":"x","details":{"causes":[{"reason":"ExitCode","message":"3"}]}}', down))
  const ended = await recording.end()
  const file = join(folder, `2026-11-21-ci-${auditId}.cast`)
  const text = await readFile(file, 'utf8')
  t.strictSame(ended, { file: `2026-11-21-ci-${auditId}.cast`, sha256: createHash('sha256').update(text).digest('hex'), exitCode: 3 })
  t.strictSame(faultsOfCast(text), [])
  const cast = toCast('', text)
  t.strictSame(cast.header, { version: 2, width: 80, height: 24, timestamp: receivedAt / 1000, command: 'sh', title: 'a/web-0/app', env: { TERM: 'xterm' } })
  t.strictSame(cast.events, [
    [0, 'r', '100x30'], [1.5, 'i', 'ls\r'], [1.600123, 'o', 'a.txt\r\n'], [1.600123, 'o', '\u001b[31mno\u001b[0m \u009b2J\r\n'], [1.600123, 'm', 'exit code 3'],
  ])
  t.notMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/, 'a terminal obeys nothing of it')
  t.equal((await stat(file)).mode & 0o777, 0o600)
  t.equal((await stat(folder)).mode & 0o777, 0o700)
  t.strictSame([told.dropped, told.lost, told.errors], [0, 0, []])
})

t.test('characters are whole wherever their bytes are cut', async (t) => {
  const { folder, open } = await setUp(t)
  const recording = await open()
  recording.begin(v5)
  const said = 'grüße 😀 你好\r\n'
  for (const byte of Buffer.from(said)) recording.fromUpstream(channelFrame('stdout', Buffer.from([byte]), down))
  for (const byte of Buffer.from(said)) recording.fromCaller(channelFrame('stdin', Buffer.from([byte])))
  recording.fromUpstream(channelFrame('stderr', Buffer.from([0xe4, 0xbd]), down))
  await recording.end()
  const [cast] = readCasts(folder)
  t.equal(cast?.shown, `${said}\ufffd`)
  t.equal(cast?.typed, said)
})

t.test('no held secret is in it, though it comes in pieces, and on both outputs', async (t) => {
  const secret = 'opaque-held-secret-0123456789'
  const { folder, open } = await setUp(t, { secrets: () => [secret] })
  const recording = await open(exec(`?command=echo&command=${secret}&command=--token&command=abc&container=${secret}`))
  recording.begin(v5)
  for (const character of `x ${secret} y`) {
    recording.fromUpstream(channelFrame('stdout', character, down))
    recording.fromCaller(channelFrame('stdin', character))
  }
  recording.fromUpstream(channelFrame('stdout', secret.slice(0, 15), down))
  recording.fromUpstream(channelFrame('stderr', secret.slice(15), down))
  recording.fromUpstream(channelFrame('error', `{"status":"Failure","message":"no ${secret}"}`, down))
  await recording.end()
  const [cast] = readCasts(folder)
  t.equal(cast?.shown, 'x [redacted] y[redacted]')
  t.equal(cast?.typed, 'x [redacted] y')
  t.strictSame(cast?.markers, ['failed: no [redacted]'])
  t.match(cast?.header, { command: 'echo [redacted] --token [redacted]', title: 'a/web-0/[redacted]' })
  t.notMatch(cast?.text, /opaque|0123456789/)
})

t.test('a target without a query names no command and no container', async (t) => {
  const { folder, open } = await setUp(t)
  const target = '/api/v1/namespaces/a/pods/command=x&container=y&tty=true/attach'
  await (await open(admitted({
    arrival: arrival({ target, receivedAt, auditId, upgrade: true }), caller: callerWith([], { name: 'ci' }),
    resolved: resolved({ target, longRunning: true, attributes: { verb: 'create', namespace: 'a', name: 'web-0', subresource: 'attach' } }),
  }))).end()
  t.strictSame(readCasts(folder)[0]?.header, { version: 2, width: 80, height: 24, timestamp: receivedAt / 1000, title: 'a/web-0', env: {} })
})

t.test('the name of a caller leads nowhere', async (t) => {
  const { folder, open } = await setUp(t)
  for (const [i, caller] of ['../../etc/passwd', 'a b\nc', 'é', '.'.repeat(300), ''].entries()) {
    await (await open(exec('', { caller, id: auditId.replace('5555', `555${i}`) }))).end()
  }
  const names = await readdir(folder)
  t.equal(names.length, 5)
  for (const name of names) t.match(name, /^2026-11-21-[\w.-]{0,64}-[0-9a-f-]{36}\.cast$/)
})

t.test('a recording has its largest size, says so, and the session goes on', async (t) => {
  const { folder, open, told } = await setUp(t, { settings: { maxSize: 64 * 1024 } })
  const recording = await open()
  recording.begin(v5)
  for (let i = 0; i < 100; i += 1) recording.fromUpstream(channelFrame('stdout', 'x'.repeat(2000), down))
  recording.fromUpstream(channelFrame('error', success, down))
  const ended = await recording.end()
  t.match(ended, { truncated: 'size', file: /\.cast$/, exitCode: 0 })
  const [cast] = readCasts(folder)
  t.ok((cast?.text.length ?? 0) <= 64 * 1024)
  t.ok((cast?.shown.length ?? 0) > 55_000)
  t.match(cast?.markers[0], /largest size/)
  t.equal(cast?.markers[1], 'exit code 0')
  t.strictSame(faultsOfCast(cast?.text ?? ''), [])
  t.strictSame([told.dropped, told.lost], [1, 0])
})

t.test('at its largest size there is room for every note, however long, and for how the command ended', async (t) => {
  const { disk, release } = slowDisk()
  const { folder, open } = await setUp(t, { disk, maxPending: 70_000, settings: { maxSize: 64 * 1024 } })
  const recording = await open()
  recording.begin(v5)
  for (let i = 0; i < 4000; i += 1) recording.fromUpstream(channelFrame('stdout', 'xxxxxxxxxx', down))
  recording.fromUpstream(channelFrame('error', JSON.stringify({ status: 'Failure', message: '\u0085'.repeat(500) }), down))
  release()
  await recording.end()
  const [cast] = readCasts(folder)
  t.match(cast?.markers, [/largest size/, /^failed: \u0085{150}/])
  t.ok((cast?.text.length ?? 0) <= 64 * 1024)
})

t.test('a disk that does not keep up costs events, which are counted, but neither memory nor time', async (t) => {
  const { disk, release } = slowDisk()
  const { folder, open, told } = await setUp(t, { disk, maxPending: 20_000 })
  const recording = await open()
  recording.begin(v5)
  for (let i = 0; i < 100; i += 1) recording.fromUpstream(channelFrame('stdout', `${i} `.padEnd(1000, 'x'), down))
  t.ok(told.dropped >= 70, `${told.dropped} are dropped at once`)
  const before = told.dropped
  release()
  const late = setInterval(() => recording.fromUpstream(channelFrame('stdout', '.', down)), 1)
  await until(() => readCasts(folder)[0]?.shown.includes('.') === true)
  clearInterval(late)
  const ended = await recording.end()
  t.match(ended, { truncated: 'dropped', sha256: /^[0-9a-f]{64}$/ })
  const [cast] = readCasts(folder)
  const missing = cast?.markers.reduce((sum, marker) => sum + Number(/^portcullis: (\d+) events are missing/.exec(marker)?.[1] ?? 0), 0)
  t.equal(missing, told.dropped)
  t.ok(told.dropped >= before)
  t.equal(createHash('sha256').update(cast?.text ?? '').digest('hex'), ended.sha256)
  t.strictSame(faultsOfCast(cast?.text ?? ''), [])
})

for (const strict of [false, true]) {
  t.test(`a disk that is full in the middle leaves whole lines, ${strict ? 'and the session ends' : 'and the session goes on'}`, async (t) => {
    const { disk, fail } = slowDisk()
    const { folder, open, told } = await setUp(t, { disk, strict })
    const recording = await open()
    recording.begin(v5)
    recording.fromUpstream(channelFrame('stdout', 'lost', down))
    fail(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }))
    await until(() => told.dropped > 0)
    t.equal(told.lost, strict ? 1 : 0)
    recording.fromUpstream(channelFrame('stdout', 'lost too', down))
    const ended = await recording.end()
    t.match(ended, { truncated: 'failed', sha256: /^[0-9a-f]{64}$/ })
    const [cast] = readCasts(folder)
    t.equal(cast?.events.length, 0)
    t.equal(createHash('sha256').update(cast?.text ?? '').digest('hex'), ended.sha256)
    t.equal(told.dropped, 2)
    t.match(told.errors[0], { message: /cannot be written/, cause: { code: 'ENOSPC' } })
  })

  t.test(`a folder that cannot be written: ${strict ? 'no session' : 'the session goes on, and it is counted'}`, async (t) => {
    const { folder, recordings, open, told } = await setUp(t, { strict })
    await writeFile(folder, 'a file')
    const opening = open()
    if (strict) await t.rejects(opening, { code: 'AuditUnavailable' })
    else {
      const recording = await opening
      recording.begin(v5)
      recording.fromUpstream(Buffer.from('whatever'))
      t.strictSame(await recording.end(), { truncated: 'failed' })
    }
    t.equal(told.dropped, 1)
    t.match(told.errors[0]?.message, /policy wants recorded/)
    recordings.configure(undefined)
    const second = recordings.open(exec(), () => {})
    if (strict) await t.rejects(second, { code: 'AuditUnavailable' }, 'nor without a folder')
    else await t.resolves(second)
  })

  t.test(`a full disk is found before the session begins: ${strict ? 'strict' : 'not strict'}`, async (t) => {
    const disk: Disk = { ...realDisk, create: async path => ({ ...await realDisk.create(path), write: () => Promise.reject(new Error('ENOSPC')) }) }
    const { folder, open } = await setUp(t, { strict, disk })
    if (strict) await t.rejects(open(), { code: 'AuditUnavailable' })
    else t.match(await (await open()).end(), { truncated: 'failed' })
    t.strictSame(await readdir(folder), [], 'and nothing is left of it')
  })

  t.test(`what cannot be read ends the recording with a note: ${strict ? 'strict' : 'not strict'}`, async (t) => {
    const { folder, open, told } = await setUp(t, { strict })
    const recording = await open()
    recording.begin(v5)
    recording.fromCaller(channelFrame('stdin', 'typed'))
    t.doesNotThrow(() => recording.fromCaller(Buffer.from([0xff, 0xff, 0xff])))
    t.doesNotThrow(() => recording.fromCaller(channelFrame('stdin', 'more')))
    t.match(await recording.end(), { truncated: 'unreadable', sha256: /./ })
    const [cast] = readCasts(folder)
    t.equal(cast?.typed, 'typed')
    t.match(cast?.markers[0], /ends here.*extension/)
    t.strictSame([told.dropped, told.lost], [1, strict ? 1 : 0])
  })

  t.test(`a WebSocket with an extension, or of another subprotocol: ${strict ? 'no session' : 'is said to be unrecorded'}`, async (t) => {
    for (const more of [{ extensions: 'permessage-deflate' }, { subprotocol: 'other' }]) {
      const { folder, open } = await setUp(t, { strict })
      const recording = await open()
      if (strict) {
        t.throws(() => recording.begin({ ...v5, ...more }), { code: 'AuditUnavailable' })
        await recording.discard()
        t.strictSame(await readdir(folder), [])
      } else {
        recording.begin({ ...v5, ...more })
        recording.fromUpstream(webSocketFrame(Buffer.from('x'), { masked: false }))
        t.match(await recording.end(), { truncated: 'unreadable' })
        t.match(readCasts(folder)[0]?.markers[0], /permessage-deflate|other/)
      }
    }
  })
}

t.test('strict: a session of more streams than are read is a loss, and ends', async (t) => {
  const { open, told } = await setUp(t, { strict: true })
  const recording = await open()
  recording.begin({ kind: 'spdy' })
  const client = new SpdyClientFrames()
  for (let i = 0; i < 100; i += 1) recording.fromCaller(client.open(1 + 2 * i, { streamtype: 'stdin' }))
  t.equal(told.lost, 0)
  recording.fromCaller(client.open(201, { streamtype: 'stdin' }))
  t.equal(told.lost, 1)
  t.match(await recording.end(), { truncated: 'unreadable' })
})

for (const strict of [false, true]) {
  t.test(`a disk that hangs does not hold the beginning of the session for ever: ${strict ? 'strict' : 'not strict'}`, async (t) => {
    let answer = () => {}
    let removed = () => {}
    const cleared = new Promise<void>((resolve) => { removed = resolve })
    const disk: Disk = {
      ...realDisk,
      async create(path) {
        await new Promise<void>((resolve) => { answer = resolve })
        return realDisk.create(path)
      },
      remove: path => realDisk.remove(path).then(removed),
    }
    const { folder, open, told } = await setUp(t, { disk, strict, patience: 20 })
    if (strict) await t.rejects(open(), { code: 'AuditUnavailable' })
    else t.match(await (await open()).end(), { truncated: 'failed' })
    t.equal(told.dropped, 1)
    answer()
    await cleared
    t.strictSame(await readdir(folder), [], 'what came of it too late is gone')
  })
}

t.test('a disk that hangs does not hold the end of the session for ever', async (t) => {
  const { disk, release } = slowDisk()
  const { open, told } = await setUp(t, { disk, patience: 500 })
  t.teardown(release)
  const recording = await open()
  recording.begin(v5)
  recording.fromUpstream(channelFrame('stdout', 'x', down))
  t.match(await recording.end(), { file: /\.cast\.part$/, truncated: 'failed' })
  t.match(told.errors[0]?.message, /could not be finished/)
})

t.test('what was finished too late keeps the name that the event has', async (t) => {
  const gates = { sync: gate(), rename: gate() }
  for (const slow of ['sync', 'rename'] as const) {
    let settled = () => {}
    const over = new Promise<void>((resolve) => { settled = resolve })
    const disk: Disk = {
      ...realDisk,
      async create(path) {
        const file = await realDisk.create(path)
        return { ...file, sync: () => slow === 'sync' ? gates.sync.opened : file.sync(), close: () => file.close().then(() => { if (slow === 'sync') setImmediate(settled) }) }
      },
      rename: async (from, to) => {
        if (slow === 'rename' && from.endsWith('.part')) await gates.rename.opened
        await realDisk.rename(from, to)
        if (to.endsWith('.part')) settled()
      },
    }
    const { folder, open } = await setUp(t, { disk, patience: 500 })
    const recording = await open()
    recording.begin(v5)
    const { file, sha256 } = await recording.end()
    t.match(file, /\.cast\.part$/)
    t.equal(sha256, undefined)
    gates[slow].open()
    await over
    // Whatever is still done is done by now.
    await realDisk.rename(join(folder, file!), join(folder, file!))
    t.strictSame(await readdir(folder), [file], `a slow ${slow}`)
  }
})

function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => { open = resolve })
  return { opened, open: () => open() }
}

for (const slow of ['write', 'close', 'remove'] as const) {
  t.test(`a disk whose ${slow} hangs does not hold up whoever discards`, async (t) => {
    const never = () => new Promise<never>(() => {})
    let writes = 0
    const disk: Disk = {
      ...realDisk,
      async create(path) {
        const file = await realDisk.create(path)
        t.teardown(() => file.close())
        return { ...file, ...slow === 'close' ? { close: never } : { close: async () => {} }, write: bytes => slow === 'write' && (writes += 1) > 1 ? never() : file.write(bytes) }
      },
      ...slow === 'remove' ? { remove: never } : {},
    }
    const { open, recordings, told } = await setUp(t, { disk, patience: 500 })
    const recording = await open()
    recording.begin(v5)
    recording.fromUpstream(channelFrame('stdout', 'x', down))
    await recording.discard()
    t.match(told.errors.map(({ message }) => message), [/^the recording .* could not be deleted/])
    await recordings.close()
    t.equal(told.errors.length, 1, 'nor whoever closes')
  })
}

t.test('whoever closes does not wait for ever for a session that does not end', async (t) => {
  const { open, recordings, told } = await setUp(t, { patience: 500 })
  const recording = await open()
  await recordings.close()
  t.match(told.errors.map(({ message }) => message), [/^1 recordings were still open/])
  await recording.discard()
})

t.test('what was no session leaves nothing', async (t) => {
  const { folder, open } = await setUp(t)
  const recording = await open()
  await recording.discard()
  t.strictSame(await readdir(folder), [])
})

t.test('what is too old is deleted, also what a crash left; what is open, new or of others stays', async (t) => {
  const { folder, recordings, open, clock } = await setUp(t)
  const hour = 3_600_000
  clock.now = Date.now()
  await mkdir(folder, { recursive: true })
  const name = (i: number, more = '') => `2026-11-20-ci-${auditId.replace('5555', `555${i}`)}.cast${more}`
  const old = new Date(clock.now - 2 * hour)
  for (const file of [name(1), name(2, '.part'), 'notes.txt', `${name(3)}.gz`, name(4)]) {
    await writeFile(join(folder, file), 'x')
    if (file !== name(4)) await utimes(join(folder, file), old, old)
  }
  const recording = await open()
  await utimes(join(folder, `2026-11-21-ci-${auditId}.cast.part`), old, old)
  recordings.configure({ folder, maxSize: 1 << 20, keepFor: hour })
  await until(async () => (await readdir(folder)).length < 6)
  await recording.end()
  await recordings.close()
  t.strictSame((await readdir(folder)).sort(), [name(4), `2026-11-21-ci-${auditId}.cast`, `${name(3)}.gz`, 'notes.txt'].sort())
})

t.test('whoever closes waits for what is open', async (t) => {
  const { recordings, open } = await setUp(t)
  const recording = await open()
  let closed = false
  const closing = recordings.close().then(() => { closed = true })
  await new Promise(resolve => setImmediate(resolve))
  t.notOk(closed)
  await recording.end()
  await closing
})
