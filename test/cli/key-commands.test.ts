import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { loadCallers } from '../../src/callers/load.ts'
import { keyListCommand } from '../../src/cli/key-list.ts'
import { keyRevokeCommand } from '../../src/cli/key-revoke.ts'
import { keyRotateCommand } from '../../src/cli/key-rotate.ts'
import { digestKey, mintKey } from '../../src/keys/key.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { ear } from '../support/command.ts'
import { holdsKey } from '../../src/keys/redact.ts'

const now = Date.UTC(2026, 10, 21, 10)
const sha256 = 'ab'.repeat(32)
const callers = `# who may come in
callers:
  - name: ci # builds
    keys:
      # the first
      - { id: aaaaaaaa, sha256: ${sha256}, createdAt: 2026-10-22T10:00:00Z, expiresAt: 2027-01-20T10:00:00Z } # laptop
      - { id: bbbbbbbb, sha256: ${sha256}, createdAt: 2026-10-21T12:00:00+02:00 }
      - { id: cccccccc, sha256: ${sha256}, expiresAt: 2026-11-21T20:00:00Z }
      - { id: dddddddd, sha256: ${sha256}, expiresAt: 2026-11-21T10:00:00Z }
      - { id: eeeeeeee, sha256: ${sha256}, revokedAt: 2026-11-01T00:00:00Z }
  - name: bot
    keys: [{ id: ffffffff, sha256: ${sha256} }]
`

interface Files {
  testdir(files: Record<string, string>): string
}

/** A config with these callers, whose admin listener is at a port. */
function prepare(t: Files, text = callers, port = 1) {
  const folder = t.testdir({ 'p.yaml': `listen: { insecure: true }\nadmin: { port: ${port} }\nclusters: [{ name: prod, server: "https://x", credential: { tokenEnv: T } }]\n`, 'callers.yaml': text })
  const [stdout, stderr] = [ear(), ear()]
  return {
    configFile: join(folder, 'p.yaml'),
    deps: { stdout, stderr, env: {}, now: () => now, random: (bytes: number) => randomBytes(bytes) },
    said: () => ({ stdout: stdout.text, stderr: stderr.text.replaceAll(`${folder}/`, '') }),
    text: () => readFileSync(join(folder, 'callers.yaml'), 'utf8'),
    keys: async () => (await loadCallers([join(folder, 'callers.yaml')])).keys,
  }
}

t.test('a rotation makes a key and ends the others, in one write, with every comment in its place', async (t) => {
  const { configFile, deps, said, text, keys } = prepare(t)
  t.equal(await keyRotateCommand({ configFile, caller: 'ci', overlap: '24h' }, deps), 0)
  const { stdout, stderr } = said()
  const [id, key] = [stdout.slice(4, 12), stdout.trimEnd()]
  t.equal(stdout, `${key}\n`)
  t.equal(stderr, `key ${id} of caller ci, until 2027-02-19T10:00:00Z: its digest is in callers.yaml. The key itself is shown this once.
key aaaaaaaa ends at 2026-11-22T10:00:00Z, in 1 d
key bbbbbbbb ends at 2026-11-22T10:00:00Z, in 1 d
key cccccccc ends at 2026-11-21T20:00:00Z, as before
The new key lives as long as aaaaaaaa was made for, 90 d: --expires says otherwise.
`)
  t.equal(text(), callers
    .replace('expiresAt: 2027-01-20T10:00:00Z }', 'expiresAt: 2026-11-22T10:00:00Z }')
    .replace('12:00:00+02:00 }', '12:00:00+02:00, expiresAt: 2026-11-22T10:00:00Z }')
    .replace('  - name: bot', `      - { id: ${id}, sha256: ${digestKey(key).toString('hex')}, createdAt: 2026-11-21T10:00:00Z, expiresAt: 2027-02-19T10:00:00Z }\n  - name: bot`))
  t.ok((await keys()).get(id)?.sha256.equals(digestKey(key)))
})

for (const [what, args, message, end] of [
  ['another life', { caller: 'ci', expires: '10d', overlap: '1h' }, /^key \w+ of caller ci, until 2026-12-01T10:00:00Z.*\nkey aaaaaaaa ends at 2026-11-21T11:00:00Z, in 1 h\n(key .*\n){2}$/, '2026-12-01T10:00:00Z'],
  ['no end', { caller: 'ci', expires: 'never', overlap: '0s' }, /without an end.*\nkey aaaaaaaa ends at 2026-11-21T10:00:00Z, that is now\n/, undefined],
  ['the life of a key without an end', { caller: 'bot', overlap: '24h' }, /The new key has no end, as ffffffff had none that is known: --expires gives it one/, undefined],
] as const) {
  t.test(`a rotation to ${what}`, async (t) => {
    const { configFile, deps, said, keys } = prepare(t)
    t.equal(await keyRotateCommand({ configFile, ...args }, deps), 0)
    t.match(said().stderr, message)
    t.equal((await keys()).get(said().stdout.slice(4, 12))?.expiresAt, end === undefined ? undefined : Date.parse(end))
  })
}

t.test('a caller without a key that opens something gets one, and no other is touched', async (t) => {
  const { configFile, deps, said, text } = prepare(t, 'callers:\n  - name: ci\n')
  t.equal(await keyRotateCommand({ configFile, caller: 'ci', overlap: '24h' }, deps), 0)
  t.match(said().stderr, /no other key was open\nThe new key has no end: --expires gives it one.\n$/)
  t.match(text(), /^callers:\n {2}- name: ci\n {4}keys:\n {6}- \{ id: \w{8}, sha256: \w{64}, createdAt: \S+ \}\n$/)
})

for (const [what, args, code, message] of [
  ['an overlap that is none', { caller: 'ci', overlap: 'soon' }, 2, /--overlap takes a duration/],
  ['an end that is none', { caller: 'ci', overlap: '1h', expires: '0d' }, 2, /--expires takes a duration/],
  ['an unknown caller', { caller: 'nope', overlap: '1h' }, 1, /there is no caller "nope"/],
] as const) {
  t.test(`${what}: nothing is rotated`, async (t) => {
    const { configFile, deps, said, text } = prepare(t)
    t.equal(await keyRotateCommand({ configFile, ...args }, deps), code)
    t.equal(said().stdout, '')
    t.match(said().stderr, message)
    t.equal(text(), callers)
  })
}

t.test('a revoked key has its hour, and nothing else in the file changes', async (t) => {
  const { configFile, deps, said, text, keys } = prepare(t)
  t.equal(await keyRevokeCommand({ configFile, id: 'aaaaaaaa' }, { ...deps, stdin: Readable.from([]) }), 0)
  t.strictSame(said(), { stdout: '', stderr: 'key aaaaaaaa of caller ci is revoked, in callers.yaml\n' })
  t.equal(text(), callers.replace('expiresAt: 2027-01-20T10:00:00Z }', 'expiresAt: 2027-01-20T10:00:00Z, revokedAt: 2026-11-21T10:00:00Z }'))
  t.equal((await keys()).get('aaaaaaaa')?.revokedAt, now)
})

t.test('one that is revoked already keeps its hour, which is said', async (t) => {
  const { configFile, deps, said, text } = prepare(t)
  t.equal(await keyRevokeCommand({ configFile, id: 'eeeeeeee' }, { ...deps, stdin: Readable.from([]) }), 0)
  t.equal(said().stderr, 'key eeeeeeee of caller ci is revoked already, since 2026-11-01T00:00:00Z\n')
  t.equal(text(), callers)
})

const minted = mintKey(bytes => randomBytes(bytes))
const other = mintKey(bytes => new Uint8Array(bytes).fill(7))
const held = (sha256: string, id = minted.id) => `callers:\n  - name: ci\n    keys: [{ id: "${id}", sha256: ${sha256} }]\n`
for (const [what, id, stdin, text, code, message] of [
  ['a key on the command line', minted.key, '', held(digestKey(minted.key).toString('hex')), 2, /a key on a command line is in the lists of processes.*portcullis key revoke - < FILE/],
  ['a piece of one', minted.key.slice(0, 30), '', callers, 2, /a key on a command line/],
  ['an id that no key has', 'nope', '', callers, 1, /there is no key with the id "nope": portcullis key list/],
  ['a mistyped key on stdin', '-', minted.key.slice(0, -1), callers, 1, /checksum or its length is wrong/],
  ['another key of the same id', '-', minted.key, held(sha256), 1, /is another one than that on stdin/],
  ['something else on stdin', '-', 'x'.repeat(10_000), callers, 2, /neither a key nor the id of one/],
  ['a key that nobody holds', '-', other.key, callers, 1, /there is no key with the id/],
] as const) {
  t.test(`${what} revokes nothing, and is not repeated`, async (t) => {
    const { configFile, deps, said, text: after } = prepare(t, text)
    t.equal(await keyRevokeCommand({ configFile, id }, { ...deps, stdin: Readable.from([stdin]) }), code)
    t.match(said().stderr, message)
    t.notOk(holdsKey(said().stderr))
    t.equal(after(), text)
  })
}

for (const [what, stdin] of [['the key itself', `${minted.key}\n`], ['its id', `${minted.id}\n`]] as const) {
  t.test(`a key is revoked by ${what} on stdin`, async (t) => {
    const { configFile, deps, keys } = prepare(t, held(digestKey(minted.key).toString('hex')))
    t.equal(await keyRevokeCommand({ configFile, id: '-' }, { ...deps, stdin: Readable.from([stdin]) }), 0)
    t.equal((await keys()).get(minted.id)?.revokedAt, now)
  })
}

/** An admin listener that tells these metrics; it hangs where there are none. */
async function listen(t: { teardown: (stop: () => unknown) => void }, metrics: string | undefined): Promise<number> {
  const server = createServer((_request, response) => { if (metrics !== undefined) response.end(metrics) }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.teardown(() => { server.closeAllConnections(); server.close() })
  return (server.address() as AddressInfo).port
}

t.test('keys are listed by caller and age, with when they were last used, as the admin listener tells', async (t) => {
  const metrics = createMetrics({ now: () => now, nodeMetrics: false })
  const { body } = await metrics.render()
  const used = `${body}portcullis_key_last_used_seconds{caller="ci",key="aaaaaaaa"} ${now / 1000 - 180}.5\nportcullis_key_last_used_seconds{caller="x",key="zzzzzzzz"} 1\n`
  const { configFile, deps, said } = prepare(t, callers, await listen(t, used))
  t.equal(await keyListCommand({ configFile }, deps), 0)
  t.strictSame(said(), { stderr: '', stdout: `ID         CALLER   CREATED                EXPIRES                LAST USED   STATE
ffffffff   bot      -                      never                  -           active
cccccccc   ci       -                      2026-11-21T20:00:00Z   -           active
dddddddd   ci       -                      2026-11-21T10:00:00Z   -           expired
eeeeeeee   ci       -                      never                  -           revoked
bbbbbbbb   ci       2026-10-21T10:00:00Z   never                  -           active
aaaaaaaa   ci       2026-10-22T10:00:00Z   2027-01-20T10:00:00Z   3 min ago   active
` })
})

t.test('as JSON: every time or null; of one caller alone', async (t) => {
  const { configFile, deps, said } = prepare(t, `${callers}  - { name: x, keys: [{ id: gggggggg, sha256: ${sha256}, createdAt: 2026-10-21T12:00:00+02:00, revokedAt: 2026-11-01T00:00:00Z }] }\n`,
    await listen(t, '# HELP portcullis_key_last_used_seconds x\nportcullis_key_last_used_seconds{caller="x",key="gggggggg"} 1793700000\n'))
  t.equal(await keyListCommand({ configFile, caller: 'x', json: true }, deps), 0)
  t.strictSame(JSON.parse(said().stdout), [{
    id: 'gggggggg', caller: 'x', createdAt: '2026-10-21T10:00:00Z', expiresAt: null, revokedAt: '2026-11-01T00:00:00Z', lastUsedAt: '2026-11-03T10:00:00Z', state: 'revoked',
  }])
})

for (const [what, metrics, why] of [
  ['hangs', undefined, /nobody answers at http:\/\/127.0.0.1:\d+\/metrics/],
  ['is another program', 'hello', /what answers at .* is no Portcullis/],
] as const) {
  t.test(`where the listener ${what}, keys are listed all the same, and that is said`, async (t) => {
    const { configFile, deps, said } = prepare(t, callers, await listen(t, metrics))
    t.equal(await keyListCommand({ configFile, caller: 'bot' }, deps), 0)
    t.match(said().stdout, /\nffffffff {3}bot {6}- {9}never {5}- {11}active\n$/)
    t.match(said().stderr, why)
  })
}
