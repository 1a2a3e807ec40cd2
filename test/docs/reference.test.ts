// README and docs are held against the product: whoever follows them must not be led astray.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Command } from 'commander'
import t from 'tap'
import { linkAnnotations } from '../../src/audit-log/chain-link.ts'
import { annotationsOf } from '../../src/audit/annotations.ts'
import { loadCallers } from '../../src/callers/load.ts'
import { addCommands } from '../../src/cli/commands.ts'
import { readConfig } from '../../src/config/load.ts'
import { configSchema } from '../../src/config/schema.ts'
import { ProxyError, refusalCodes } from '../../src/errors.ts'
import { formatFault } from '../../src/files/fault.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { guardRoutes } from '../../src/model/caller.ts'
import { allowed, arrival, callerWith, resolved, rule } from '../support/builders.ts'
import { anchors, page, pages, root, table, words, type Page } from '../support/pages.ts'
import { removeLater } from '../support/scope.ts'

const [codes, callers, metricsPage, audit, limits, commands] = ['codes', 'callers', 'metrics', 'audit', 'limits', 'commands'].map(name => page(`docs/reference/${name}.md`)) as [Page, Page, Page, Page, Page, Page]

/** Requests that between them have everything that is counted or annotated: one served, a recorded session, one refused, one that a shadow scope would refuse. */
const finishedRequests = [
  {
    arrival: arrival(),
    facts: {
      resolved: resolved(), caller: callerWith(), cluster: 'prod', cache: 'hit' as const, upstreamMs: 1,
      verdict: { ...allowed, rule: { ...rule(), scope: 'read' } },
    },
    outcome: { status: 200, ending: 'complete' as const, bytesOut: 1 },
  },
  {
    arrival: arrival(),
    facts: {
      resolved: resolved({ target: '/api/v1/namespaces/a/pods/x/exec?command=ls&container=c&ports=80', attributes: { subresource: 'exec', verb: 'create' } }),
      caller: callerWith(), verdict: allowed, received: { bytes: 1 },
      session: { recording: { file: 'x.cast', sha256: 'ab', truncated: 'size' as const, exitCode: 0 } },
    },
    outcome: { status: 101, ending: 'complete' as const, bytesOut: 1 },
  },
  {
    arrival: arrival(),
    facts: { resolved: resolved(), claimedKeyId: 'aaaaaaaa' },
    outcome: {
      status: 401, ending: 'complete' as const, bytesOut: 1, refusal: { code: 'UnknownKey', message: '', reason: 'Unauthorized' },
    },
  },
  {
    arrival: arrival({ upgrade: true }),
    facts: { resolved: resolved(), caller: callerWith(), cluster: 'prod', verdict: allowed, guarded: ['run-as-us' as const], shadow: { reason: 'no rule', scopes: ['next'] } },
    outcome: { status: 101, ending: 'complete' as const, bytesOut: 1 },
  },
]

t.test('the table of refusals has every code, in order, with its status and reason', async (t) => {
  t.strictSame(table(codes, 'HTTP').map(([status, reason, code]) => [status, reason, code]), refusalCodes.map((code) => {
    const error = new ProxyError(code, '')
    return [String(error.status), error.reason, `\`${code}\``]
  }))
})

t.test('the table of guarded routes is the guard\'s', async (t) => {
  t.strictSame(table(callers, 'route').map(([route]) => words(route)[0]), [...guardRoutes])
})

t.test('every config and callers file in them loads, without a warning but for callers without keys', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-readme-'))
  removeLater(t, folder)
  let seen = 0
  for (const { page, line, text } of pages.flatMap(({ blocks }) => blocks).filter(({ language }) => language === 'yaml')) {
    const place = `${page}:${line}`
    const [first = ''] = text.split('\n')
    if (first === '# portcullis.yaml') {
      const { faults, warnings } = readConfig(page, text)
      t.strictSame([...faults, ...warnings].map(formatFault), [], place)
    } else if (first !== '# policy.yaml') {
      t.equal(first, '# callers.yaml', `${place}: the first line says which file it is`)
      const file = join(folder, `callers-${seen}.yaml`)
      await writeFile(file, text)
      const { faults, warnings } = await loadCallers([file], { clusters: ['prod', 'test'], now: Date.parse('2026-11-21T00:00:00Z') })
      t.strictSame(faults.map(formatFault), [], place)
      t.strictSame(warnings.filter(({ message }) => !message.startsWith('has no key')).map(formatFault), [], place)
    }
    seen += 1
  }
  t.ok(seen >= 15)
})

t.test('the table of metrics is what /metrics exposes, label for label', async (t) => {
  const metrics = createMetrics({ now: () => 1000, nodeMetrics: false })
  for (const { arrival, facts, outcome } of finishedRequests) metrics.ended(arrival, facts, outcome)
  metrics.auditDropped('file', 1)
  metrics.configReload(true)
  metrics.revoked(0.2)
  metrics.watchCredential('prod', () => 2000)
  const { body } = await metrics.render()
  const exposed = [...body.matchAll(/^# HELP (\S+)/gm)].map(([, name = '']) => [name, labelsOf(body, name)])
  t.strictSame(
    table(metricsPage, 'metric').map(([name, labels]) => [words(name)[0], words(labels).sort()]).sort(byFirst),
    exposed.sort(byFirst),
  )
  const [, , kinds] = table(metricsPage, 'metric').find(([name]) => name === '`portcullis_streams`') ?? []
  t.strictSame(words(kinds), [...body.matchAll(/^portcullis_streams\{kind="(\w+)"\}/gm)].map(([, kind]) => kind))
})

/** Of all series of a metric; a histogram's `le` is Prometheus' own. */
function labelsOf(body: string, name: string): string[] {
  const series = [...body.matchAll(new RegExp(`^${name}(?:_bucket|_sum|_count)?(?:\\{(.*)\\})? \\S+$`, 'gm'))]
  const labels = series.flatMap(([, text = '']) => [...text.matchAll(/(\w+)="/g)].map(([, label = '']) => label))
  return [...new Set(labels)].filter(label => label !== 'le').sort()
}

function byFirst(a: readonly unknown[], b: readonly unknown[]): number {
  return String(a[0]).localeCompare(String(b[0]))
}

t.test('the table of annotations is what audit events carry', async (t) => {
  const bodies = { omitted: { request: 'it is larger than 1 byte', response: 'it is larger than 1 byte' }, truncated: true }
  const moments = finishedRequests.map(request => ({ ...request, stage: 'ResponseComplete' as const, level: 'Metadata' as const, at: 1000, stream: true, bodies, omittedEnds: ['Panic' as const] }))
  const carried = new Set(moments.flatMap(moment => Object.keys(annotationsOf(moment, []))))
  t.strictSame(table(audit, 'annotation').flatMap(([name]) => words(name)).sort(), [...carried, ...Object.values(linkAnnotations)].sort())
})

t.test('the table of limits has the defaults of the config', async (t) => {
  const fieldOf = (schema: unknown, name: string) => {
    const { properties } = schema as { properties: Record<string, { default?: unknown, items?: unknown }> }
    return name.endsWith('[]') ? properties[name.slice(0, -2)]?.items : properties[name]
  }
  for (const [option, value] of table(limits, 'option')) {
    const path = words(option)[0] ?? ''
    const field = path.split('.').reduce<unknown>(fieldOf, configSchema) as { default?: unknown }
    t.equal(value, String(field.default), path)
  }
})

const program = new Command('portcullis')
addCommands(program, () => {})

/** The command that words lead to, and what is left of them. */
function find(args: readonly string[]): { command: Command, rest: readonly string[] } {
  let command = program
  for (const [index, word] of args.entries()) {
    const next = command.commands.find(candidate => candidate.name() === word)
    if (next === undefined) return { command, rest: args.slice(index) }
    command = next
  }
  return { command, rest: [] }
}

function leaves(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves)
}

t.test('the table of commands names all that there are', async (t) => {
  const named = table(commands, 'command').map(([usage]) => find((words(usage)[0] ?? '').split(' ').slice(1)).command)
  t.strictSame(named.map(command => command.name()).sort(), leaves(program).map(command => command.name()).sort())
})

/** Command lines of ours in a text, up to a pipe; a line that ends in a backslash goes on. */
function ours(text: string): string[] {
  return text.replaceAll('\\\n', ' ').split('\n').flatMap(line => line.split(' | ')).map(line => line.trim()).filter(line => /^(?:npx )?portcullis /.test(line)).map(line => line.replace(/^npx /, ''))
}

t.test('every command line in them is one that the command line takes', async (t) => {
  const lines = pages.flatMap(({ text, blocks }) => [
    ...blocks.filter(({ language }) => language === 'sh').flatMap(({ text }) => ours(text)),
    ...[...text.matchAll(/`(portcullis [^`]+)`/g)].flatMap(([, line = '']) => ours(line)),
  ])
  t.ok(lines.length > 60)
  for (const line of lines) {
    const { command, rest } = find(line.split(/\s+/).slice(1))
    t.ok(leaves(program).includes(command), line)
    for (const option of rest.filter(word => /^--?[a-z]/.test(word))) {
      t.ok(command.options.some(({ long, short }) => option === long || option === short) || option === '--help', `${line}: ${option}`)
    }
  }
})

t.test('the options that the table of commands tells of are those of the commands', async (t) => {
  for (const [usage, text] of table(commands, 'command')) {
    const { command } = find((words(usage)[0] ?? '').split(' ').slice(1))
    for (const option of words(text).map(word => word.split(' ')[0] ?? '').filter(word => word.startsWith('-') && word !== '-')) {
      t.ok(command.options.some(({ long, short }) => option === long || option === short), `${command.name()}: ${option}`)
    }
  }
})

t.test('links lead somewhere', async (t) => {
  const headings = new Map(pages.map(page => [page.path, anchors(page)]))
  for (const { path, text } of pages) {
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https:/.test(target)) continue
      const [file = '', anchor] = target.split('#')
      const to = file === '' ? path : join(dirname(path), file)
      t.ok(existsSync(join(root, to)), `${path}: ${target}`)
      if (anchor !== undefined) t.ok(headings.get(to)?.includes(anchor), `${path}: ${target}`)
    }
  }
})

t.test('troubleshooting has a heading for every refusal code, and none for a code that is not there', async (t) => {
  const { text } = page('docs/troubleshooting.md')
  const headings = [...text.matchAll(/^### (\w+)$/gm)].map(([, heading = '']) => heading)
  t.strictSame(headings.sort(), [...refusalCodes].sort())
})

t.test('messages of a start that troubleshooting tells of are messages of ours', async (t) => {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))
    .map(file => readFileSync(join(root, 'src', file), 'utf8')).join('\n')
  const rows = table(page('docs/troubleshooting.md'), 'message')
  t.ok(rows.length >= 8)
  for (const [message] of rows) {
    for (const piece of words(message)[0]?.split(/…|0644\)|^certFile: /) ?? []) t.ok(sources.includes(piece.trim()), piece)
  }
})

t.test('tests that docs/security.md names are there, and every attack is named', async (t) => {
  const named = words(page('docs/security.md').text).filter(word => word.startsWith('test/'))
  t.ok(named.length > 40)
  for (const file of named) t.ok(existsSync(join(root, file)), file)
  const attacks = readdirSync(join(root, 'test/attacks')).filter(file => file.endsWith('.test.ts')).map(file => `test/attacks/${file}`)
  t.strictSame(attacks.filter(file => !named.includes(file)), [])
})

t.test('docs/operating.md has a heading for every alert of the chart', async (t) => {
  const rules = readFileSync(join(root, 'helm/portcullis/templates/prometheusrule.yaml'), 'utf8')
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, alert = '']) => alert)
  t.strictSame([...page('docs/operating.md').text.matchAll(/^### (Portcullis\w+)$/gm)].map(([, alert]) => alert).sort(), alerts.sort())
})
