// A start is loading, for the most part: what is loaded again for nothing would be seen by nobody.
import t from 'tap'
import { loadedBy, type Loaded } from '../support/loaded.ts'

/** Of these alone another one must be asked for: each costs a start as much as all that we do ourselves. */
const never = ['@kubernetes/client-node', 'openid-client', 'ajv', 'esbuild', 'typescript']

const filesOf = ({ packages }: Loaded, name: string) => packages.get(name) ?? []

t.test('--help loads the parser of command lines and nothing else', async (t) => {
  const loaded = await loadedBy(['--help'])
  t.strictSame([...loaded.packages.keys()], ['commander'])
  t.ok(loaded.own.length < 12, loaded.own.join(' '))
})

t.test('the probe of a container, which runs every few seconds, loads no proxy', async (t) => {
  const loaded = await loadedBy(['healthcheck', '--admin', 'http://127.0.0.1:1'], { code: 1 })
  t.strictSame([...loaded.packages.keys()], ['commander', 'yaml'])
})

t.test('the demo loads what it serves with, and nothing beside', async (t) => {
  const loaded = await loadedBy(['demo', '--port', '0'], { until: '/readyz' })
  t.ok(loaded.packages.has('fastify') && loaded.packages.has('undici'), 'it was seen')
  for (const name of never) t.strictSame(filesOf(loaded, name), [], name)
  t.strictSame(filesOf(loaded, 'jose').filter(path => /jwe|encrypt|generate/.test(path)), [], 'the parts of jose that encrypt')
  t.ok(loaded.own.length < 40, `${loaded.own.length} files of our own: dist/main.js is bundled`)
})
