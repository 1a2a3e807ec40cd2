import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type * as Access from '../../src/authorize/access.ts'
import type * as LoadState from '../../src/callers/load-state.ts'
import type * as Load from '../../src/callers/load.ts'
import type * as Fault from '../../src/files/fault.ts'
import { builtModule } from '../support/built.ts'

const { accessOf } = await builtModule<typeof Access>('authorize/access')
const { loadCallers } = await builtModule<typeof Load>('callers/load')
const { loadState } = await builtModule<typeof LoadState>('callers/load-state')
const { FaultsError } = await builtModule<typeof Fault>('files/fault')

const now = Date.UTC(2026, 10, 21)
const key = (id: string) => `{ id: ${id}, sha256: ${'ab'.repeat(32)}, expiresAt: 2027-01-01T00:00:00Z }`
const scope = (name: string, verb: string) => `  - { name: ${name}, rules: [{ apiGroups: [""], resources: [pods], verbs: [${verb}], namespaces: [a] }] }\n`
const own = '{ apiGroups: ["", apps], resources: [pods], resourceNames: [x], verbs: [get], namespaces: ["b-*"] }'
const others = 'jwt: { issuer: "https://ci.invalid", audience: p, jwksFile: k.json, claims: { a: { b: "x*", n: 1.5 }, yes: false } }, clientCertificate: [{ subject: { commonName: x, organization: [a, b] } }, { subjectAltName: "DNS:X" }]'
const file = (verb: string, second: string) => `scopes:\n${scope('r', verb)}${scope('s', 'list')}callers:
  - { name: one, scopes: [r], keys: [${key('k7Q2mX9a')}] }
  - { name: two, scopes: [{ name: s, namespaces: [a] }], rules: [${own}], keys: [${key('k7Q2mX9b')}], limits: { burst: 3, requestsPerSecond: 1 }${second} }
  - { name: three, rules: [${own}] }
`

// Here, and by the thread that is there for large files.
for (const [how, asideFrom] of [['here', Infinity], ['aside', 0]] as const) {
  t.test(`what is loaded ${how} is what the files say`, async (t) => {
    const path = join(t.testdir({ 'c.yaml': file('get', ', clusters: [prod], allowedFrom: [10.0.0.0/8], impersonate: { user: u }, ' + others) }), 'c.yaml')
    const plain = await loadCallers([path], { now, clusters: ['test'] })
    const state = await loadState([path], { now, clusters: ['test'], asideFrom })
    // Undefined fields are left out on the way; strings, numbers and bytes are what they were.
    const json = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown
    t.strictSame(json(state.callers), json(plain.callers))
    t.strictSame(json([...state.scopes]), json([...plain.scopes]))
    t.strictSame(json([...state.keys.values()]), json([...plain.keys.values()]))
    t.strictSame(state.warnings, plain.warnings)
    t.equal(state.warnings.length, 2)
    t.match(state.callers[1]?.identities, {
      jwts: [{ source: { kind: 'file', file: join(path, '../k.json') }, claims: [{ path: ['a', 'b'], expected: 'x*' }, { path: ['a', 'n'], expected: 1.5 }, { path: ['yes'], expected: false }] }],
      certificates: [{ subject: { CN: ['x'], O: ['a', 'b'] } }, { subjectAltName: 'DNS:x' }],
    })
    for (const record of state.keys.values()) {
      t.ok(state.callers.includes(record.definition), 'a key leads to the caller itself')
      t.strictSame(record.sha256, plain.keys.get(record.id)?.sha256)
      t.equal(state.keys.open(record.id, record.sha256), record)
    }
    t.equal(state.callers[0]?.grants[0]?.rules, state.scopes.get('r'), 'callers of one scope share its rules')
    t.equal(state.callers[1]?.grants[0]?.rules[0], state.callers[2]?.grants[0]?.rules[0], 'a rule that two callers have is there once')
  })

  t.test(`what did not change is the very same after a reload ${how}, and what did is not`, async (t) => {
    const path = join(t.testdir({ 'c.yaml': file('get', '') }), 'c.yaml')
    const load = (before?: Awaited<ReturnType<typeof loadState>>) => loadState([path], { now, asideFrom, before })
    const first = await load()
    const warm = first.callers.map(accessOf)

    const second = await load(first)
    t.strictSame(second.callers.map(caller => first.callers.includes(caller)), [true, true, true])
    t.ok([...second.keys.values()].every(record => first.keys.get(record.id) === record))
    t.ok(second.callers.every((caller, index) => accessOf(caller) === warm[index]), 'what was compiled stays good')

    writeFileSync(path, file('get', ', discovery: false'))
    const third = await load(second)
    t.strictSame(third.callers.map(caller => first.callers.includes(caller)), [true, false, true])
    t.equal(third.callers[1]?.discovery, false)
    t.equal(third.keys.get('k7Q2mX9b')?.definition, third.callers[1])
    t.equal(third.callers[1]?.grants[1]?.rules, first.scopes.get('s'), 'a scope that stays is shared by old and new callers')

    writeFileSync(path, file('delete', ', discovery: false'))
    const fourth = await load(third)
    t.strictSame(fourth.callers.map(caller => third.callers.includes(caller)), [false, true, true], 'another scope makes another caller')
    t.strictSame(fourth.callers[0]?.grants[0]?.rules[0]?.verbs, ['delete'])

    writeFileSync(path, file('delete', ', discovery: false').replace('k7Q2mX9b', 'k7Q2mX9c'))
    const fifth = await load(fourth)
    t.strictSame([...fifth.keys.values()].map(({ id }) => id), ['k7Q2mX9a', 'k7Q2mX9c'])
    t.equal(fifth.keys.get('k7Q2mX9c')?.definition.name, 'two')
  })

  t.test(`faults that are found ${how} are told all at once`, async (t) => {
    const path = join(t.testdir({ 'c.yaml': `${file('get', '')}  - { name: four, jwt: {}, rules: [{ verbs: 3 }], keys: [{ id: short }] }\n` }), 'c.yaml')
    const found = await loadState([path], { now, asideFrom }).catch((error: unknown) => error)
    if (!(found instanceof FaultsError)) throw new Error('there are none')
    t.strictSame(found.faults, (await loadCallers([path], { now })).faults)
    t.match(found.message, /callers\[3\]\.keys\[0\]\.id: .*\(caller four\)/)
  })

  t.test(`a rate that is infinite, which JSON would make null, is a fault ${how}`, async (t) => {
    const limited = (rate: string) => file('get', '').replace('requestsPerSecond: 1', `requestsPerSecond: ${rate}`)
    const path = join(t.testdir({ 'c.yaml': limited('.inf') }), 'c.yaml')
    await t.rejects(loadState([path], { now, asideFrom }), { message: /callers\[1\]\.limits\.requestsPerSecond: must be a number above 0 and at most 1000000/ })
    writeFileSync(path, limited('1e6'))
    t.equal((await loadState([path], { now, asideFrom })).callers[1]?.limits.requestsPerSecond, 1_000_000)
  })
}

t.test('a load that is not wanted any more is given up, with its thread', async (t) => {
  const path = join(t.testdir({ 'c.yaml': file('get', '') }), 'c.yaml')
  const closing = new AbortController()
  const load = loadState([path], { now, asideFrom: 0, signal: closing.signal })
  closing.abort()
  await t.rejects(load, { name: 'AbortError' })
})
