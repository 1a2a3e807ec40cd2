import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { createAuthorize } from '../../src/authorize/authorize.ts'
import { loadCallers } from '../../src/callers/load.ts'
import type { CallerDefinition } from '../../src/model/caller.ts'
import type { Verdict } from '../../src/model/verdict.ts'
import { facts, question } from '../support/questions.ts'
import { readRequest } from './guard-rows.ts'

const roleWords = {
  verbs: fc.subarray(['get', 'list', 'create', 'update', 'patch', '*'], { minLength: 1 }),
  apiGroups: fc.subarray(['', 'apps', 'rbac.authorization.k8s.io', '*'], { minLength: 1 }),
  resources: fc.subarray(['pods', 'pods/exec', 'secrets', 'rolebindings', 'services', '*', '*/exec'], { minLength: 1 }),
  resourceNames: fc.subarray(['x', 'y'], { maxLength: 1 }),
}
const acknowledge = fc.subarray(['own-credential', 'mint-token', 'grant-role', 'run-as-us', 'server-internals'])
const roleRule = fc.record(roleWords)
const resourceRule = fc.record({ ...roleWords, namespaces: fc.constantFrom(['*'], ['a'], ['b', 'own'], ['o*']), acknowledge })
const pathRule = fc.record({ verbs: fc.constantFrom(['get'], ['*']), nonResourceURLs: fc.subarray(['/metrics', '/logs*', '*'], { minLength: 1 }), acknowledge })
const anyRules = fc.array(fc.oneof({ weight: 4, arbitrary: resourceRule }, { weight: 1, arbitrary: pathRule }), { maxLength: 4 })

const names = ['s1', 's2', 's3', 'role'] as const
type Reference = typeof names[number] | { readonly name: typeof names[number], readonly namespaces: readonly string[] }
const narrowed = (name: fc.Arbitrary<typeof names[number]>): fc.Arbitrary<Reference> => fc.record({ name, namespaces: fc.constantFrom(['*'], ['a'], ['o*', 'b']) })
// A ClusterRole is held by the long form alone.
const anyReference: fc.Arbitrary<Reference> = fc.oneof(fc.constantFrom('s1' as const, 's2' as const, 's3' as const), narrowed(fc.constantFrom(...names)))
const anyCaller = fc.record({ scopes: fc.array(anyReference, { maxLength: 4 }), rules: anyRules })

interface World {
  readonly scopes: readonly (readonly object[])[]
  readonly role: readonly object[]
  readonly callers: readonly { readonly scopes: readonly Reference[], readonly rules: readonly object[] }[]
}

const anyWorld: fc.Arbitrary<World> = fc.record({
  scopes: fc.array(anyRules, { minLength: 3, maxLength: 3 }),
  role: fc.array(roleRule, { maxLength: 3 }),
  callers: fc.array(anyCaller, { minLength: 1, maxLength: 3 }),
})

const requests = [
  'GET /api/v1/namespaces/own/secrets/x', 'POST /api/v1/namespaces/own/secrets', 'GET /api/v1/pods', 'POST /api/v1/namespaces/a/pods', 'APPLY /api/v1/namespaces/a/pods/x',
  'PUT /api/v1/namespaces/b/services/x', 'POST /apis/rbac.authorization.k8s.io/v1/namespaces/a/rolebindings', 'WS /api/v1/namespaces/a/pods/x/exec',
  'PUT /apis/rbac.authorization.k8s.io/v1/namespaces/a/rolebindings/x', 'POST /api/v1/namespaces/own/pods/x/exec', 'GET /metrics', 'GET /logs/x', 'GET /api',
]

const authorize = createAuthorize()
const cluster = facts({ openshift: true })

function verdictsOn(callers: readonly CallerDefinition[]): Record<string, Verdict> {
  return Object.fromEntries(callers.flatMap(definition => requests.map((request) => {
    const { method, target, contentType, upgrade } = readRequest(request)
    const asked = question(`${method} ${target}`, { contentType, upgrade: upgrade !== undefined, cluster })
    return [`${definition.name} ${request}`, authorize({ definition, credentialId: '', expiresAt: undefined }, asked)]
  })).sort(([a], [b]) => String(a) < String(b) ? -1 : 1))
}

/** Where things end up: any mixing of items, files, documents. */
type Keys = fc.Stream<number>

function shuffled<T>(items: readonly T[], keys: Keys): T[] {
  return items.map(item => ({ item, key: keys.next().value ?? 0 })).sort((a, b) => a.key - b.key).map(({ item }) => item)
}

/** Callers files that say the same, in an order that the keys make up. */
function write({ scopes, role, callers }: World, keys: Keys, reorder: <T>(words: readonly T[]) => readonly T[]): string[] {
  const rules = (list: readonly object[]) => shuffled(list, keys).map(rule => Object.fromEntries(
    shuffled(Object.entries(rule), keys).map(([field, words]) => [field, reorder(words as readonly unknown[])]),
  ))
  const documents = shuffled([
    ...scopes.map((list, at) => ({ scopes: [{ name: names[at], rules: rules(list) }] })),
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'role' }, rules: rules(role) },
    ...callers.map((caller, at) => ({ callers: [{ name: `c${at}`, scopes: shuffled(caller.scopes, keys), rules: rules(caller.rules) }] })),
  ].map(document => JSON.stringify(document)), keys)
  const files: string[][] = [[], [], []]
  for (const document of documents) files[(keys.next().value ?? 0) % files.length]?.push(document)
  return files.map(list => list.join('\n---\n'))
}

async function load(folder: string, texts: readonly string[], keys: Keys): Promise<readonly CallerDefinition[]> {
  const paths = texts.map((_, at) => join(folder, `${at}.yaml`))
  for (const [at, path] of paths.entries()) await writeFile(path, texts[at] === '' ? '{}' : texts[at] ?? '')
  const { callers, faults } = await loadCallers(shuffled(paths, keys))
  if (faults.length > 0) throw new Error(`${JSON.stringify(faults)} ${texts.join('\n')}`)
  return callers
}

async function foldersFor(t: { teardown(handler: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-order-'))
  t.teardown(() => rm(folder, { recursive: true }))
  return folder
}

t.test('the order of rules, scopes, callers, documents and files never changes a verdict, nor what it says', async (t) => {
  const folder = await foldersFor(t)
  const same = <T>(words: readonly T[]) => words
  await fc.assert(fc.asyncProperty(anyWorld, fc.infiniteStream(fc.nat()), fc.infiniteStream(fc.nat()), async (world, one, other) => {
    const [first, second] = [await load(folder, write(world, one, same), one), await load(folder, write(world, other, same), other)]
    const [before, after] = [verdictsOn(first), verdictsOn(second)].map(verdicts => JSON.stringify(verdicts, null, 1))
    if (before !== after) throw new Error(`${before}\n${after}`)
  }), { numRuns: 150 })
})

t.test('the order of the words in a rule never changes whether it allows, nor the code', async (t) => {
  const folder = await foldersFor(t)
  const decisions = (callers: readonly CallerDefinition[]) =>
    JSON.stringify(Object.entries(verdictsOn(callers)).map(([asked, { allowed, code }]) => [asked, allowed, code]))
  await fc.assert(fc.asyncProperty(anyWorld, fc.infiniteStream(fc.nat()), fc.infiniteStream(fc.nat()), async (world, one, other) => {
    const first = await load(folder, write(world, one, words => words), one)
    const second = await load(folder, write(world, other, words => shuffled(words, other)), other)
    if (decisions(first) !== decisions(second)) throw new Error(`${decisions(first)}\n${decisions(second)}`)
  }), { numRuns: 150 })
})

t.test('the worlds that it is tried on hold every kind of verdict', async (t) => {
  const folder = await foldersFor(t)
  const seen = new Set<string>()
  const keys = fc.sample(fc.infiniteStream(fc.nat()), { numRuns: 1, seed: 1 })[0]
  for (const world of fc.sample(anyWorld, { numRuns: 40, seed: 1 })) {
    if (keys === undefined) break
    for (const { allowed, code } of Object.values(verdictsOn(await load(folder, write(world, keys, words => words), keys)))) seen.add(`${allowed} ${code}`)
  }
  t.strictSame([...seen].sort(), ['false EscalationDenied', 'false ScopeDenied', 'true null'])
})
