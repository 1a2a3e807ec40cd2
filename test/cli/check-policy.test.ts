import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checkCommand } from '../../src/cli/check.ts'
import { requireStartable } from '../../src/cli/startable.ts'
import { ear } from '../support/command.ts'

const config = (audit: string) => `listen: { insecure: true }
clusters: [{ name: prod, server: "https://127.0.0.1:1", credential: { tokenEnv: T } }]
audit:
  ${audit}
`
const policyFile = (rules: string) => `apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [${rules}]\n`

async function check(t: Test, audit: string, files: Record<string, string> = {}) {
  const folder = t.testdir({ 'p.yaml': config(audit), 'callers.yaml': 'callers: [{ name: ci-bot }]\n', ...files })
  const stdout = ear()
  const code = await checkCommand({ configFile: join(folder, 'p.yaml') }, { stdout, env: { T: 'x' }, now: Date.now })
  const lines = stdout.text.replaceAll(`${folder}/`, '').trimEnd().split('\n')
  return { code, found: lines.filter(line => line.includes(' audit.')).map(line => line.replace(/^p\.yaml:\d+:\d+ /, '')), lines, folder }
}

const rec = 'recordings: { folder: recordings }'
const sessions = 'resources: [{ resources: [pods/exec] }]'

for (const [what, audit, found] of [
  ['recordSessions of what is no session', `{ ${rec}, policy: [{ level: Metadata, resources: [{ resources: [pods, pods/log] }, { group: apps }], recordSessions: true }] }`, [/^audit\.policy\[0\]\.recordSessions: warning: records nothing: sessions are pods\/exec and pods\/attach/]],
  ['recordSessions of paths', `{ ${rec}, policy: [{ level: Metadata, nonResourceURLs: [/x], recordSessions: true }] }`, [/records nothing: sessions are/]],
  ['recordSessions of a list', `{ ${rec}, policy: [{ level: Metadata, ${sessions}, verbs: [list], recordSessions: true }] }`, [/a session is a get or a create/]],
  ['recordSessions without an event', `{ ${rec}, policy: [{ level: None, ${sessions}, recordSessions: true }] }`, [/^audit\.policy\[0\]\.recordSessions: warning: beside level None: no event would name a recording/]],
  ['recordings that nothing asks for', `{ ${rec}, policy: [{ level: Metadata }] }`, [/^audit\.recordings: warning: records nothing: no rule of audit\.policy has recordSessions: true/]],
  ['a rule that is never reached', '{ policy: [{ level: None, codes: [200] }, { level: Metadata, callers: [] }, { level: None, verbs: [get] }] }', [/^audit\.policy\[2\]: warning: is never reached: rule 2 matches everything; put it before/]],
  ['a caller that is not there', '{ policy: [{ level: None, callers: [ci-bto, "", ci-bot, nothing-like-it] }] }', [/^audit\.policy\[0\]\.callers\[0\]: warning: names no caller: ci-bto; is ci-bot meant\?$/, /callers\[3\]: warning: names no caller: nothing-like-it$/]],
  ...['resources: [{ resources: [pods/*] }]', 'resources: [{ group: "*" }]', 'resources: [{ resources: ["*/attach"], resourceNames: [web-0] }]', 'verbs: [get]', 'namespaces: [a]', ''].map(rule => [`nothing of a rule that does record: ${rule}`, `{ ${rec}, policy: [{ level: Metadata, recordSessions: true${rule === '' ? '' : `, ${rule}`} }] }`, []] as const),
  ['a folder that cannot be made', `{ recordings: { folder: callers.yaml/x/y }, policy: [{ level: Metadata, recordSessions: true }] }`, [/^audit\.recordings\.folder: warning: callers\.yaml is no folder: no session could be recorded$/]],
] as const) {
  t.test(what, async (t) => {
    const { code, found: all, lines } = await check(t, audit.slice(2, -2).replace(/, policy:/, '\n  policy:'))
    t.equal(code, 0, lines.join('\n'))
    t.equal(all.length, found.length, lines.join('\n'))
    for (const [index, expected] of found.entries()) t.match(all[index], expected)
  })
}

t.test('of a policy file: rules that are never reached, and recordings that it cannot ask for', async (t) => {
  const { code, found } = await check(t, `policyFile: policy.yaml\n  ${rec}`, { 'policy.yaml': policyFile('{ level: Metadata }, { level: None, verbs: [get] }') })
  t.equal(code, 0)
  t.match(found, [/^audit\.policyFile: warning: rule 2 is never reached: rule 1 matches everything/, /^audit\.recordings: warning: records nothing: a policyFile cannot say recordSessions/])
})

t.test('a policy file that is bad, or not there, is a fault, as it is for serve', async (t) => {
  for (const files of [{}, { 'policy.yaml': policyFile('{ level: Nome }') }]) {
    const { code, found, lines, folder } = await check(t, 'policyFile: policy.yaml', files)
    t.equal(code, 1)
    t.match(found[0], /^audit\.policyFile: .*policy\.yaml/)
    t.notMatch(found[0], /warning/)
    t.match(lines.at(-1), /: 1 fault, /)
    await t.rejects(requireStartable(join(folder, 'p.yaml'), { env: { T: 'x' }, allowLoose: false }))
  }
})

t.test('scopes that nobody holds are told in one line, which counts for nothing', async (t) => {
  const scope = (name: string, more = '') => `{ name: ${name}${more}, rules: [{ apiGroups: [""], resources: [pods], verbs: [list], namespaces: [a] }] }`
  const callers = (scopes: readonly string[]) => ({ 'callers.yaml': `scopes: [${scopes.join(', ')}]\ncallers: [{ name: ci-bot, scopes: [held, { name: narrowed, namespaces: [a] }] }]\n` })
  const held = [scope('held'), scope('narrowed')]
  const { code, lines } = await check(t, 'mode: batch', callers([...held, scope('spare'), scope('try', ', mode: shadow')]))
  t.equal(code, 0)
  t.strictSame(lines.filter(line => line.startsWith('no caller holds')), ['no caller holds scope spare'])
  t.match(lines.at(-1), /no faults, 2 warnings;/, 'the shadow scope, and a caller without a key')
  const many = await check(t, 'mode: batch', callers([...held, ...Array.from({ length: 12 }, (_, index) => scope(`s${index}`))]))
  t.match(many.lines.join('\n'), /^no caller holds scopes s0, s1, .*, s9 and 2 more$/m)
  t.notMatch((await check(t, 'mode: batch', callers(held))).lines.join('\n'), /no caller holds/)
})
