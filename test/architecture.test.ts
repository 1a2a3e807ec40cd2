import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const src = resolve(dirname(fileURLToPath(import.meta.url)), '../src')

/** Stops on a request's way: verbs. Everything else that is a folder is a noun that stops draw on. */
const stops = new Set(['listen', 'resolve', 'authenticate', 'authorize', 'answer', 'cache', 'forward', 'tunnel', 'audit'])
/** Wires or runs the rest: may import anything. */
const wiring = /^(main|build|wiring\/.*|cli\/.*|workers\/.*)\.ts$/
/** Pure rooms that everything may draw on. */
const pure = new Set(['model', 'headers', 'keys', 'addresses', 'redaction', 'queries', 'protocols'])

interface Import { readonly file: string, readonly target: string, readonly typeOnly: boolean }

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    return entry.isDirectory() ? sourceFiles(path) : path.endsWith('.ts') ? [path] : []
  })
}

function importsOf(path: string): Import[] {
  const file = relative(src, path)
  const found = readFileSync(path, 'utf8').matchAll(/^(?:import|export)\s+(type\s+)?(?:[^'";]*?\s+from\s+)?'([^']+)'/gms)
  return [...found].map(([, typeOnly, specifier = '']) => ({
    file,
    typeOnly: typeOnly !== undefined,
    target: specifier.startsWith('.') ? relative(src, resolve(dirname(path), specifier)) : specifier,
  }))
}

const imports = sourceFiles(src).flatMap(importsOf)
const room = (file: string) => file.includes('/') ? file.slice(0, file.indexOf('/')) : file
const isOurs = (target: string) => target.endsWith('.ts')

t.test('the imports were read', async (t) => {
  t.ok(imports.length > 100)
  t.ok(imports.some(({ file, target }) => file === 'admit.ts' && target === 'errors.ts'))
})

/** Every rule: what it is called, and what breaks it. */
const rules: readonly [string, (entry: Import) => boolean][] = [
  ['model imports nothing from outside itself', ({ file, target }) =>
    room(file) === 'model' && isOurs(target) && room(target) !== 'model'],
  ['errors imports at most model', ({ file, target }) => file === 'errors.ts' && isOurs(target) && room(target) !== 'model'],
  ['headers imports model and errors', ({ file, target }) =>
    room(file) === 'headers' && isOurs(target) && !['model', 'headers', 'errors.ts'].includes(room(target))],
  ['protocols know nothing but how bytes are read', ({ file, target }) => room(file) === 'protocols' && isOurs(target) && room(target) !== 'protocols'],
  ['a stop imports no other stop, but for the interface of audit', ({ file, target, typeOnly }) =>
    stops.has(room(file)) && stops.has(room(target)) && room(file) !== room(target)
    && !(typeOnly && target === 'audit/audit.ts')],
  ['a stop takes only types from noun folders', ({ file, target, typeOnly }) =>
    stops.has(room(file)) && isOurs(target) && target.includes('/') && !typeOnly
    && !stops.has(room(target)) && !pure.has(room(target))],
  ['a noun folder imports no stop', ({ file, target }) =>
    file.includes('/') && !stops.has(room(file)) && !wiring.test(file) && stops.has(room(target))],
  ['only listen and forward import fastify', ({ file, target }) =>
    /^(@fastify\/|fastify$)/.test(target) && !['listen', 'forward'].includes(room(file))],
  ['only build and the commands see the config', ({ file, target }) =>
    room(target) === 'config' && room(file) !== 'config' && !wiring.test(file)],
  ['the sample cluster knows nothing of the proxy', ({ file, target }) =>
    room(file) === 'sample' && isOurs(target) && !['sample', 'protocols'].includes(room(target))],
  ['the proxy knows nothing of the sample cluster', ({ file, target }) =>
    room(target) === 'sample' && room(file) !== 'sample' && !file.startsWith('cli/demo')],
]

for (const [name, breaks] of rules) {
  t.test(name, async (t) => {
    t.strictSame(imports.filter(breaks).map(({ file, target }) => `${file} imports ${target}`), [])
  })
}

t.test('no two classes have one name: the bundler would rename one, and the log says by it what an error is', async (t) => {
  const names = sourceFiles(src).flatMap(path => [...readFileSync(path, 'utf8').matchAll(/^(?:export )?(?:abstract )?class (\w+)/gm)].map(([, name]) => name))
  t.ok(names.length > 50)
  t.strictSame(names.filter((name, index) => names.indexOf(name) !== index), [])
})
