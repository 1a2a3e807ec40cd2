import { join } from 'node:path'
import t from 'tap'
import type * as LoadState from '../../src/callers/load-state.ts'
import { loadCallers } from '../../src/callers/load.ts'
import { formatFault } from '../../src/files/fault.ts'
import { builtModule } from '../support/built.ts'
import { keyOf, openStore, rule, startStoreServer } from '../support/callers-store.ts'
import { until } from '../support/until.ts'

const { loadState } = await builtModule<typeof LoadState>('callers/load-state')

const pods = (verb: string) => `rules: [{ apiGroups: [""], resources: [pods], verbs: [${verb}], namespaces: [a] }]`
const file = (mode: string, replaces = '') => `scopes:
  - { name: now, ${pods('get')} }
  - { name: also, ${pods('watch')} }
  - { name: next, mode: ${mode}${replaces}, ${pods('list')} }
callers:
  - { name: ci, scopes: [now, also, next], ${pods('create')} }
  - { name: bare, scopes: [now] }
`

for (const [how, asideFrom] of [['here', Infinity], ['aside', 0]] as const) {
  t.test(`loaded ${how}: shadow scopes are no grants; a change of mode is a change of whoever holds it`, async (t) => {
    const load = async (text: string, before?: Awaited<ReturnType<typeof loadState>>) => loadState([join(t.testdir({ 'c.yaml': text }), 'c.yaml')], { asideFrom, before })
    const scopesOf = (grants: readonly { scope: string | null }[] = []) => grants.map(({ scope }) => scope)
    const first = await load(file('shadow', ', replaces: [now]'))
    const [ci, bare] = first.callers
    t.strictSame(scopesOf(ci?.grants), [null, 'now', 'also'])
    t.strictSame([ci?.shadow?.scopes, scopesOf(ci?.shadow?.grants)], [['next'], [null, 'also', 'next']])
    t.equal(ci?.shadow?.grants[0], ci?.grants[0], 'what stays is compiled once')
    t.equal(ci?.shadow?.grants[2]?.rules, first.scopes.get('next'))
    t.notOk('shadow' in bare!)

    const same = await load(file('shadow', ', replaces: [now]'), first)
    t.equal(same.callers[0], ci)
    const all = await load(file('shadow'), same)
    t.strictSame([scopesOf(all.callers[0]?.grants), scopesOf(all.callers[0]?.shadow?.grants)], [[null, 'now', 'also'], ['next']])
    const enforced = await load(file('enforce'), all)
    t.strictSame([scopesOf(enforced.callers[0]?.grants), enforced.callers[0]?.shadow], [[null, 'now', 'also', 'next'], undefined])
    t.strictSame(enforced.callers.map(caller => all.callers.includes(caller)), [false, true])
    const again = await load(file('shadow').replace('verbs: [list]', 'verbs: [delete]'), await load(file('shadow'), enforced))
    t.match(again.callers[0]?.shadow?.grants, [{ scope: 'next', rules: [{ verbs: ['delete'] }] }], 'a rule of a shadow scope that changed')
  })
}

const holder = 'callers: [{ name: ci, scopes: [now, next] }]'
const told: [string, RegExp, string][] = [
  ['a name that is none', /replaces\[0\]: warning: names no scope: nwo, so that nothing is replaced by it; is now meant\?/, `scopes: [{ name: now, ${pods('get')} }, { name: next, mode: shadow, replaces: [nwo], ${pods('get')} }]\n${holder}`],
  ['nobody who holds it', /scopes\[1\]: warning: is a shadow scope that nobody holds/, `scopes: [{ name: now, ${pods('get')} }, { name: next, mode: shadow, ${pods('get')} }]\ncallers: [{ name: ci, scopes: [now] }]`],
  ['itself', /replaces\[0\]: warning: names the scope itself/, `scopes: [{ name: now, ${pods('get')} }, { name: next, mode: shadow, replaces: [next], ${pods('get')} }]\n${holder}`],
  ['a shadow scope', /replaces\[0\]: warning: names a shadow scope, now, which grants nothing that could be replaced; name/, `scopes: [{ name: now, mode: shadow, ${pods('get')} }, { name: next, mode: shadow, replaces: [now], ${pods('get')} }]\n${holder}`],
  ['a circle', /replaces\[0\]: warning: names a shadow scope, now, .*a circle/, `scopes: [{ name: now, mode: shadow, replaces: [third], ${pods('get')} }, { name: third, mode: shadow, replaces: [next], ${pods('get')} }, { name: next, mode: shadow, replaces: [now], ${pods('get')} }]\n${holder}`],
  ['an empty list', /replaces: warning: is empty/, `scopes: [{ name: now, ${pods('get')} }, { name: next, mode: shadow, replaces: [], ${pods('get')} }]\n${holder}`],
  ['nothing else held', /scopes: warning: are shadow scopes alone/, `scopes: [{ name: next, mode: shadow, ${pods('get')} }]\ncallers: [{ name: ci, scopes: [next] }]`],
  ['replaces without the mode', /replaces: is for a scope of mode: shadow/, `scopes: [{ name: now, ${pods('get')} }, { name: next, replaces: [now], ${pods('get')} }]\n${holder}`],
  ['another mode', /mode: must be/, `scopes: [{ name: now, ${pods('get')} }, { name: next, mode: Shadow, ${pods('get')} }]\n${holder}`],
]

for (const [what, message, text] of told) {
  t.test(`told: ${what}`, async (t) => {
    const { faults, warnings } = await loadCallers([join(t.testdir({ 'c.yaml': text }), 'c.yaml')])
    t.match([...faults, ...warnings.map(warning => ({ ...warning, message: `warning: ${warning.message}` }))].map(formatFault).join('\n'), message)
  })
}

t.test('kept in Kubernetes: spec.mode and spec.replaces, followed', async (t) => {
  const server = await startStoreServer(t)
  await server.put('scopes', 'now', { rules: [rule] })
  await server.put('scopes', 'next', { mode: 'shadow', replaces: ['now'], rules: [{ ...rule, verbs: ['list'] }] })
  await server.put('callers', 'ci', { scopes: [{ name: 'now' }, { name: 'next' }], rules: [rule], keys: [keyOf('aaaaaaaa')] })
  const { store } = openStore(t, server)
  await store.loaded
  const now = () => store.findKey('aaaaaaaa')!.definition
  const scopes = () => [now().grants.map(({ scope }) => scope), now().shadow?.grants.map(({ scope }) => scope)]
  t.strictSame(scopes(), [[null, 'now'], [null, 'next']])
  const own = now().grants[0]
  await server.patch('scopes', 'next', { mode: 'enforce', replaces: null })
  await until(() => now().shadow === undefined)
  t.strictSame(scopes(), [[null, 'now', 'next'], undefined])
  t.equal(now().grants[0], own, 'its own rules stay the same object')
  await server.patch('scopes', 'next', { mode: 'shadow' })
  await until(() => now().shadow !== undefined)
  t.strictSame(scopes(), [[null, 'now'], ['next']])
  await server.patch('scopes', 'next', { mode: null, replaces: ['now'] })
  await until(async () => (await server.status('scopes', 'next'))['faults'] !== undefined)
  t.strictSame(scopes(), [[null, 'now'], ['next']], 'a faulty one stays as it was')
})
