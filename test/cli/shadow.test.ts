import { join } from 'node:path'
import t from 'tap'
import { runCommand } from '../support/run-command.ts'
import { typed } from '../support/typed.ts'

const pods = (verb: string, resource = 'pods') => `rules: [{ apiGroups: [""], resources: [${resource}], verbs: [${verb}], namespaces: [a] }]`
const callers = `scopes:
  - { name: now, ${pods('get')} }
  - { name: next, mode: shadow, replaces: [now], ${pods('"*"', 'pods, serviceaccounts/token').replace(' }', ', acknowledge: [mint-token] }')} }
callers:
  - { name: ci, scopes: [now, next] }
`
const config = 'listen: { insecure: true }\nadmin: { port: 1 }\nclusters: [{ name: prod, server: "https://x", credential: { tokenEnv: T } }]\n'

const folder = t.testdir({ 'p.yaml': config, 'callers.yaml': callers })
const run = (...args: string[]) => typed([...args, '--config', join(folder, 'p.yaml')])

t.test('caller show names it apart, with what it would replace', async (t) => {
  const { stdout } = await run('caller', 'show', 'ci')
  t.match(stdout, /Opens: +no guarded route/)
  t.match(stdout, /May:\n {2}scope now:\n {4}get pods in a\n\nTried out, which grants nothing .*:\n {2}scope next, in place of scope now:\n {4}do anything with pods and serviceaccounts\/token in a; knowingly: mint-token\n$/)
  const { may, shadow } = JSON.parse((await run('caller', 'show', 'ci', '--json')).stdout) as { may: object[], shadow: object[] }
  t.match(may, [{ scope: 'now' }])
  t.equal(may.length, 1)
  t.match(shadow, [{ scope: 'next', replaces: ['now'], rules: [/do anything/] }])
})

t.test('scope list and scope show tell the mode', async (t) => {
  const { stdout } = await run('scope', 'list')
  t.match(stdout, /^next +Scope, shadow +1 +1 /m)
  t.match(stdout, /^now +Scope +1 +1 /m)
  t.match(JSON.parse((await run('scope', 'list', '--json')).stdout), [{ name: 'next', mode: 'shadow' }, { name: 'now', mode: undefined }])
  t.match((await run('scope', 'show', 'next')).stdout, /Mode: +shadow: grants nothing; tried out in place of scope now\n[^]*Would allow:/)
  t.notMatch((await run('scope', 'show', 'now')).stdout, /Mode:/)
})

t.test('explain, can-i, rbac and check count it for nothing', async (t) => {
  t.equal((await run('can-i', '--caller', 'ci', 'list', 'pods', '-n', 'a')).code, 1)
  t.equal((await run('can-i', '--caller', 'ci', 'get', 'pods', '-n', 'a')).code, 0)
  t.notMatch((await run('can-i', '--caller', 'ci', '--list', '-n', 'a')).stdout, /serviceaccounts|\[\*\]/)
  const { attributes: _, ...explained } = JSON.parse((await run('explain', '--caller', 'ci', 'GET', '/api/v1/namespaces/a/pods/x')).stdout) as { attributes: object, verdict: object }
  t.strictSame(Object.keys(explained.verdict), ['allowed', 'code', 'rule', 'reason'])
  t.match(JSON.parse((await run('explain', '--caller', 'ci', 'POST', '/api/v1/namespaces/a/serviceaccounts/x/token')).stdout), { verdict: { allowed: false, code: 'ScopeDenied', rule: null } })
  t.notMatch((await run('rbac')).stdout, /token/)
  const { stdout } = await run('check')
  t.notMatch(stdout, /opens|wildcard|should have impersonate/)
  t.match(stdout, /0 warnings|1 warning|no warnings|warnings/)
})

t.test('audit show: what would be denied, and only that', async (t) => {
  const event = (auditID: string, annotations: object) => JSON.stringify({
    kind: 'Event', apiVersion: 'audit.k8s.io/v1', auditID, stage: 'ResponseComplete', requestURI: '/api/v1/pods', verb: 'list', user: { username: 'ci' },
    responseStatus: { code: 200 }, requestReceivedTimestamp: '2026-11-21T10:00:00.000000Z', stageTimestamp: '2026-11-21T10:00:00.000000Z', annotations,
  })
  const log = [event('a', {}), event('b', { 'portcullis.dev/shadow-decision': 'forbid', 'portcullis.dev/shadow-reason': 'no rule', 'portcullis.dev/shadow-scope': 'next' })].join('\n')
  const { code, stdout } = await runCommand(['audit', 'show', '--would-deny', '-'], { stdin: `${log}\n` })
  t.equal(code, 0)
  t.match(stdout, /^\S+ {2}200 +list +\/api\/v1\/pods .* would deny \(next\): no rule\n$/)
  t.equal((await runCommand(['audit', 'show', '-'], { stdin: `${log}\n` })).stdout.split('\n').length, 3)
})
