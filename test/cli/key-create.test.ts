import { randomBytes } from 'node:crypto'
import { chmodSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import t from 'tap'
import { loadCallers } from '../../src/callers/load.ts'
import { keyCreateCommand } from '../../src/cli/key-create.ts'
import { digestKey, readKey } from '../../src/keys/key.ts'

const config = 'listen: { insecure: true }\nclusters: [{ name: prod, server: "https://x", credential: { tokenEnv: T } }]\n'
const callers = '# who may come in\ncallers:\n  - name: ci # builds\n  - name: other\n'

async function create(folder: string, caller: string, expires?: string, random: (bytes: number) => Uint8Array = randomBytes) {
  const said = { stdout: '', stderr: '' }
  const output = (name: keyof typeof said) => ({ write: (text: string, done: () => void) => { said[name] += text; done() } })
  const code = await keyCreateCommand({ configFile: join(folder, 'p.yaml'), caller, expires }, {
    stdout: output('stdout'), stderr: output('stderr'), env: {}, now: () => Date.UTC(2026, 10, 21, 10), random,
  })
  return { code, ...said }
}

t.test('the key goes to stdout alone, its digest into the callers file, and nothing else changes', async (t) => {
  const folder = t.testdir({ 'p.yaml': config, 'callers.yaml': callers })
  const file = join(folder, 'callers.yaml')
  chmodSync(file, 0o640)
  const { code, stdout, stderr } = await create(folder, 'ci', '90d')
  const key = stdout.trimEnd()
  const { id } = readKey(key) as { id: string }
  t.equal(code, 0)
  t.equal(stdout, `${key}\n`)
  t.match(stderr, new RegExp(`^key ${id} of caller ci, until 2027-02-19T10:00:00Z: its digest is in .*callers.yaml. The key itself is shown this once.\n$`))
  t.notMatch(stderr, key)
  t.equal(readFileSync(file, 'utf8'), `# who may come in
callers:
  - name: ci # builds
    keys:
      - { id: ${id}, sha256: ${digestKey(key).toString('hex')}, createdAt: 2026-11-21T10:00:00Z, expiresAt: 2027-02-19T10:00:00Z }
  - name: other
`)
  const loaded = await loadCallers([file])
  t.match(loaded.keys.get(id), { definition: { name: 'ci' }, expiresAt: Date.UTC(2027, 1, 19, 10), sha256: digestKey(key) })
})

t.test('a second key stands beside the first', async (t) => {
  const folder = t.testdir({ 'p.yaml': config, 'callers.yaml': callers })
  await create(folder, 'ci')
  t.match((await create(folder, 'ci')).stderr, /without an end/)
  t.equal((await loadCallers([join(folder, 'callers.yaml')])).keys.size, 2)
})

t.test('the caller is found in whichever file of a folder it is', async (t) => {
  const folder = t.testdir({ 'p.yaml': `${config}callers: { file: [team, callers.yaml] }`, 'callers.yaml': callers, 'team': { 'a.yaml': 'callers: [{ name: a }]', 'b.yaml': 'callers: [{ name: b }]' } })
  t.equal((await create(folder, 'b')).code, 0)
  t.match(readFileSync(join(folder, 'team', 'b.yaml'), 'utf8'), /^callers: \[\{ name: b, keys: \[\{ id: /)
  t.equal(readFileSync(join(folder, 'team', 'a.yaml'), 'utf8'), 'callers: [{ name: a }]')
})

t.test('ten commands at once lose nothing, and leave nothing behind', async (t) => {
  const folder = t.testdir({ 'p.yaml': config, 'callers.yaml': callers })
  const made = await Promise.all(Array.from({ length: 10 }, (_, n) => create(folder, n % 2 === 0 ? 'ci' : 'other')))
  const { keys, faults } = await loadCallers([join(folder, 'callers.yaml')])
  t.strictSame(faults, [])
  for (const { stdout } of made) t.ok(keys.get(stdout.slice(4, 12))?.sha256.equals(digestKey(stdout.trimEnd())))
  t.strictSame(readdirSync(folder).sort(), ['callers.yaml', 'p.yaml'])
})

t.test('an id that is taken is not taken again', async (t) => {
  const folder = t.testdir({ 'p.yaml': config, 'callers.yaml': callers })
  let turn = 0
  const random = (bytes: number) => new Uint8Array(bytes).fill(turn++ < 4 ? 1 : 2)
  const first = await create(folder, 'ci', undefined, random)
  const second = await create(folder, 'ci', undefined, random)
  t.not(second.stdout.slice(4, 12), first.stdout.slice(4, 12))
})

for (const [what, files, caller, expires, code, message] of [
  ['an unknown caller', { 'callers.yaml': callers }, 'nope', undefined, 1, /there is no caller "nope"; portcullis caller list names those that there are. To add it: portcullis caller add nope /],
  ['callers with faults', { 'callers.yaml': `${callers}    jot: {}\n` }, 'ci', undefined, 1, /callers.yaml:5:5 callers\[1\].jot: is unknown here/],
  ['a config with faults', { 'p.yaml': 'clusters: 3', 'callers.yaml': callers }, 'ci', undefined, 1, /p.yaml:1:11 clusters: must be a list/],
  ['an end that is none', { 'callers.yaml': callers }, 'ci', 'soon', 2, /--expires takes a duration such as 12h or 90d/],
  ['an end at once', { 'callers.yaml': callers }, 'ci', '0d', 2, /--expires takes a duration/],
] as const) {
  t.test(`${what}: no key is made, and nothing is written`, async (t) => {
    const folder = t.testdir({ 'p.yaml': config, ...files })
    const { code: found, stdout, stderr } = await create(folder, caller, expires)
    t.equal(found, code)
    t.equal(stdout, '')
    t.match(stderr, message)
    t.equal(readFileSync(join(folder, 'callers.yaml'), 'utf8'), files['callers.yaml'])
    t.strictSame(readdirSync(folder).sort(), ['callers.yaml', 'p.yaml'])
  })
}

t.test('a key that could not be written is not printed', async (t) => {
  const alias = 'callers:\n  - name: ci\n    keys: &none []\n    rules: *none\n'
  const folder = t.testdir({ 'p.yaml': config, 'callers.yaml': alias })
  const { code, stdout, stderr } = await create(folder, 'ci')
  t.strictSame([code, stdout], [1, ''])
  t.match(stderr, /nothing was changed: write caller ci as a mapping of its own, with a list of keys: keys: \[\]/)
  t.equal(readFileSync(join(folder, 'callers.yaml'), 'utf8'), alias)
})

t.test('a key that could not be printed is named, so that it can be revoked', async (t) => {
  const folder = t.testdir({ 'p.yaml': config, 'callers.yaml': callers })
  let stderr = ''
  const code = await keyCreateCommand({ configFile: join(folder, 'p.yaml'), caller: 'ci' }, {
    stdout: new Writable({ write: (_text, _encoding, done) => done(new Error('EPIPE')) }),
    stderr: { write: (text, done) => { stderr += text; done() } },
    env: {}, now: Date.now, random: randomBytes,
  })
  const [id] = [...(await loadCallers([join(folder, 'callers.yaml')])).keys.values()].map(({ id }) => id)
  t.equal(code, 1)
  t.equal(stderr, `portcullis key create: the key could not be printed (EPIPE), so nobody has it: portcullis key revoke ${id}\n`)
})
