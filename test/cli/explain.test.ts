import { PassThrough } from 'node:stream'
import t from 'tap'
import { explainCommand, type ExplainArgs } from '../../src/cli/explain.ts'
import type { Known, Load } from '../../src/cli/judge.ts'
import type { CallerDefinition } from '../../src/model/caller.ts'
import { definition, rule } from '../support/builders.ts'
import { ear, knowing, lines } from '../support/command.ts'
import { parseLines, sampleOf, toRule, wholeOf, type AttributesVector, type RuleVector } from '../support/vectors.ts'

const readPods = rule({ verbs: ['get', 'list'], resources: ['pods', 'secrets'], namespaces: ['*'] })
const ci = definition({ grants: [{ scope: 'read', rules: [readPods], namespaces: undefined }], clusters: ['prod'] })

function unused(): never {
  throw new Error('nothing had to be loaded')
}

async function run(args: ExplainArgs, { load = () => knowing([ci]), input = [] as readonly unknown[] } = {} as { load?: Load, input?: readonly unknown[] }) {
  const [stdout, stderr] = [ear(), ear()]
  const code = await explainCommand(args, { load, stdin: lines(input), stdout, stderr })
  return { code, stdout: stdout.text, stderr: stderr.text }
}

async function explain(args: ExplainArgs) {
  const { code, stdout } = await run(args)
  return { code, ...JSON.parse(stdout) as object }
}

t.test('a request is read without a caller, and without a configuration', async (t) => {
  const { code, stdout } = await run({ method: 'GET', url: '/api/v1/pods?watch=1' }, { load: unused })
  t.equal(code, 0)
  t.strictSame(JSON.parse(stdout), {
    attributes: {
      isResourceRequest: true, path: '/api/v1/pods', verb: 'watch', apiPrefix: 'api', apiGroup: '', apiVersion: 'v1',
      namespace: '', resource: 'pods', subresource: '', name: '',
    },
    verdict: null,
  })
})

t.test('a caller is judged, and a no is exit code 1', async (t) => {
  t.match(await explain({ caller: 'ci', method: 'GET', url: '/api/v1/pods' }), {
    code: 0, attributes: { verb: 'list' },
    verdict: { allowed: true, code: null, rule: { scope: 'read', verbs: ['get', 'list'] }, reason: /^allowed by scope read/ },
  })
  t.match(await explain({ caller: 'ci', method: 'DELETE', url: '/api/v1/namespaces/a/pods/x' }), {
    code: 1, attributes: { verb: 'delete' }, verdict: { allowed: false, code: 'ScopeDenied', rule: null, reason: /lacks verb delete/ },
  })
})

t.test('what is refused before any rule is asked has its code too', async (t) => {
  const rows: [string, string, object][] = [
    ['GET', '/api/v1/../secrets', { attributes: null, verdict: { allowed: false, code: 'MalformedTarget', rule: null } }],
    ['GET', '/api/v1/watch', { attributes: null, verdict: { allowed: false, code: 'MalformedTarget', rule: null } }],
    ['TRACE', '/api/v1/../secrets', { attributes: null, verdict: { allowed: false, code: 'MethodNotAllowed', rule: null } }],
    ['TRACE', '/api/v1/pods', { attributes: { verb: '' }, verdict: { allowed: false, code: 'MethodNotAllowed', rule: null } }],
    ['get', '/metrics', { attributes: { verb: 'get' }, verdict: { allowed: false, code: 'MethodNotAllowed' } }],
    ['GET', '/clusters/test/api/v1/pods', { attributes: { verb: 'list' }, verdict: { allowed: false, code: 'ClusterDenied', rule: null } }],
    ['GET', '/clusters/nowhere/api/v1/pods', { verdict: { allowed: false, code: 'ClusterDenied', rule: null } }],
    ['GET', '/clusters/prod/api/v1/pods', { attributes: { path: '/api/v1/pods' }, verdict: { allowed: true } }],
  ]
  for (const [method, url, expected] of rows) t.match(await explain({ caller: 'ci', method, url }), expected, `${method} ${url}`)
})

t.test('clusters that are forbidden and clusters that are not there answer alike', async (t) => {
  const verdicts = await Promise.all(['test', 'nowhere'].map(name => explain({ caller: 'ci', method: 'GET', url: `/clusters/${name}/api/v1/pods` })))
  t.strictSame(JSON.stringify(verdicts[0]).replaceAll('test', 'nowhere'), JSON.stringify(verdicts[1]), 'but for the name that was asked for')
})

t.test('the rule that matched is named where the guard or the method refuses', async (t) => {
  t.match(await explain({ caller: 'ci', method: 'GET', url: '/api/v1/secrets' }), {
    code: 1, verdict: { allowed: false, code: 'EscalationDenied', rule: { scope: 'read' }, reason: /own-credential/ },
  })
  const wide = definition({ name: 'wide', grants: [{ scope: 's', rules: [rule({ verbs: ['*'], resources: ['pods'] })], namespaces: undefined }] })
  const { stdout } = await run({ caller: 'wide', method: 'TRACE', url: '/api/v1/pods' }, { load: () => knowing([wide]) })
  t.match(JSON.parse(stdout), { verdict: { allowed: false, code: 'MethodNotAllowed', rule: { scope: 's' } } })
})

t.test('a key in the target does not come back', async (t) => {
  const key = 'pcl_k7Q2mX9a_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg2pZTdb'
  t.notMatch((await run({ caller: 'ci', method: 'GET', url: `/api/v1/pods/${key}` })).stdout, key)
})

t.test('wrong usage, an unknown caller and a faulty configuration are told on stderr', async (t) => {
  for (const args of [{}, { method: 'GET' }]) {
    t.match(await run(args), { code: 2, stdout: '', stderr: /METHOD and URL/ })
  }
  t.match(await run({ caller: 'joe', method: 'GET', url: '/api' }), { code: 1, stdout: '', stderr: /there is no caller "joe"/ })
  const load = () => Promise.reject(new Error('portcullis.yaml:3:1 listen: unknown field'))
  t.match(await run({ caller: 'ci', method: 'GET', url: '/api' }, { load }), { code: 1, stdout: '', stderr: /portcullis.yaml:3:1/ })
})

t.test('JSON lines are answered line by line, in order, a no among them like any other', async (t) => {
  const input = [
    { method: 'GET', url: '/api/v1/pods' },
    { caller: 'ci', method: 'GET', url: '/api/v1/pods', note: 'mine' },
    { caller: 'ci', method: 'GET', url: '/api/v1/namespaces/a/pods/x/exec', upgrade: true },
    { caller: 'ci', method: 'PATCH', url: '/api/v1/namespaces/a/pods/x', contentType: 'application/apply-patch+yaml' },
    { caller: 'ci', method: 'GET', url: '/api/v1/pods', cluster: 'test' },
    { caller: null, method: 'GET', url: '/api/v1/%zz' },
  ]
  const { code, stdout } = await run({ method: '-' }, { input })
  t.equal(code, 0)
  t.match(stdout.trimEnd().split('\n').map(line => JSON.parse(line) as object), [
    { attributes: { verb: 'list' }, verdict: null },
    { attributes: { verb: 'list' }, verdict: { allowed: true } },
    { attributes: { verb: 'get' }, verdict: { code: 'ScopeDenied', reason: /may not create pods\/exec/ } },
    { attributes: { verb: 'patch' }, verdict: { code: 'ScopeDenied' } },
    { verdict: { code: 'ClusterDenied' } },
    { attributes: null, verdict: null },
  ])
})

t.test('a line that is faulty is answered in its place, and the exit code says so', async (t) => {
  const input = ['{', '[]', { method: 'GET' }, { method: 'GET', url: 3 }, '', { method: 'GET', url: '/api', upgrade: 'yes' }, { caller: 'joe', method: 'GET', url: '/api' }, { method: 'GET', url: '/api' }]
  const { code, stdout } = await run({ method: '-' }, { input })
  t.equal(code, 1)
  t.match(stdout.trimEnd().split('\n').map(line => JSON.parse(line) as object), [
    { attributes: null, verdict: null, error: 'not a line of JSON' }, { error: 'a line must hold a JSON object' }, { error: 'url must be a string' },
    { error: 'url must be a string' }, { error: 'upgrade must be a boolean' }, { error: 'there is no caller "joe"' }, { attributes: { path: '/api' }, verdict: null },
  ])
})

t.test('the caller of the command line holds for lines that name none', async (t) => {
  const { stdout } = await run({ method: '-', caller: 'ci' }, { input: [{ method: 'GET', url: '/api/v1/pods' }] })
  t.match(JSON.parse(stdout), { verdict: { allowed: true } })
})

t.test('an answer comes before the next line is there', async (t) => {
  const stdin = new PassThrough()
  const stdout = ear()
  let first = () => {}
  const answered = new Promise<void>((resolve) => { first = resolve })
  const write = stdout.write.bind(stdout)
  stdout.write = (text, done) => {
    write(text, done)
    first()
  }
  const code = explainCommand({ method: '-' }, { load: unused, stdin, stdout, stderr: ear() })
  stdin.write('{"method":"GET","url":"/api"}\n')
  await answered
  t.equal(parseLines(stdout.text).length, 1)
  stdin.end('{"method":"GET","url":"/apis"}\n')
  t.equal(await code, 0)
  t.equal(parseLines(stdout.text).length, 2)
})

/** One caller for each rule: what an acceptance test of the command does. */
async function checkRules(t: { strictSame: (a: unknown, b: unknown) => unknown }, text: string): Promise<void> {
  const vectors = parseLines<RuleVector>(text)
  const callers = new Map(vectors.map((vector, index): [string, CallerDefinition] => {
    const grants = [{ scope: null, rules: [toRule(vector)], namespaces: undefined }]
    return [`c${index}`, definition({ name: `c${index}`, grants })]
  }))
  const known: Known = { ...knowing([]), findCaller: name => callers.get(name) }
  const input = vectors.map(({ method, url }, index) => ({ caller: `c${index}`, method, url }))
  const { stdout } = await run({ method: '-' }, { load: () => known, input })
  const answers = parseLines<{ attributes: object, verdict: { rule: object | null } }>(stdout)
  t.strictSame(answers.map(({ attributes }) => attributes), vectors.map(({ attributes }) => attributes))
  t.strictSame(answers.map(({ verdict }) => verdict.rule !== null), vectors.map(({ allow }) => allow))
}

async function checkAttributes(t: { strictSame: (a: unknown, b: unknown) => unknown }, text: string): Promise<void> {
  const vectors = parseLines<AttributesVector>(text)
  const { stdout } = await run({ method: '-' }, { load: unused, input: vectors })
  const answers = parseLines<{ attributes: object | null }>(stdout).map(({ attributes }) => attributes)
  t.strictSame(answers, vectors.map(vector => ('info' in vector ? vector.info : null)))
}

t.test('the committed tenth of the vectors, through the command', async (t) => {
  await checkAttributes(t, sampleOf('request-attributes.jsonl'))
  await checkRules(t, sampleOf('rule-matches.jsonl'))
})

const [attributes, rules] = [wholeOf('request-attributes.jsonl'), wholeOf('rule-matches.jsonl')]
t.test('4,000 of 4,000 attributes, through the command', { skip: attributes.missing }, t => checkAttributes(t, attributes.text))
t.test('4,000 of 4,000 rules, through the command', { skip: rules.missing }, t => checkRules(t, rules.text))
