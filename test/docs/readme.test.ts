// The README is held against the product: whoever follows it must not be led astray.
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
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
import { removeLater } from '../support/scope.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const readme = await readFile(join(root, 'README.md'), 'utf8')

/** The text of every fenced block of that language. */
function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, text = '']) => text)
}

/** Rows of the one table whose head begins with that cell; backquotes are taken off where they are all around a cell. */
function table(firstHead: string): string[][] {
  const [, rows = ''] = new RegExp(`^\\| ${firstHead} \\|.*\\n\\|[ -|]+\\n((?:\\|.*\\n)+)`, 'm').exec(readme) ?? []
  return rows.trimEnd().split('\n').map(row => row.slice(1, -1).split('|').map(cell => cell.trim()))
}

/** The words in backquotes. */
function words(text = ''): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word)
}

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

t.test('the two commands stand at the top, each on a line of its own, and CI calls the second', async (t) => {
  t.match(readme, /^# Portcullis\n\n```sh\nnpm ci && npm start\nnpm ci && npm test\n```\n/)
  t.match(await readFile(join(root, '.ci/run'), 'utf8'), /^npm ci && npm test(?: 2>&1 \|.*)?$/m)
})

t.test('the table of refusals has every code, in order, with its status and reason', async (t) => {
  t.strictSame(table('HTTP').map(([status, reason, code]) => [status, reason, code]), refusalCodes.map((code) => {
    const error = new ProxyError(code, '')
    return [String(error.status), error.reason, `\`${code}\``]
  }))
})

t.test('the table of guarded routes is the guard\'s', async (t) => {
  t.strictSame(table('route').map(([route]) => words(route)[0]), [...guardRoutes])
})

t.test('every config and callers file in it loads, without a warning but for callers without keys', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-readme-'))
  removeLater(t, folder)
  let seen = 0
  for (const text of blocks('yaml')) {
    const [first = ''] = text.split('\n')
    if (first === '# portcullis.yaml') {
      const { faults, warnings } = readConfig('README.md', text)
      t.strictSame([...faults, ...warnings].map(formatFault), [], text)
    } else if (first !== '# policy.yaml') {
      t.equal(first, '# callers.yaml', 'the first line says which file it is')
      const file = join(folder, `callers-${seen}.yaml`)
      await writeFile(file, text)
      const { faults, warnings } = await loadCallers([file], { clusters: ['prod', 'test'], now: Date.parse('2026-11-21T00:00:00Z') })
      t.strictSame(faults.map(formatFault), [], text)
      t.strictSame(warnings.filter(({ message }) => !message.startsWith('has no key')).map(formatFault), [], text)
    }
    seen += 1
  }
  t.ok(seen >= 5)
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
    table('metric').map(([name, labels]) => [words(name)[0], words(labels).sort()]).sort(byFirst),
    exposed.sort(byFirst),
  )
  const [, , kinds] = table('metric').find(([name]) => name === '`portcullis_streams`') ?? []
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
  t.strictSame(table('annotation').flatMap(([name]) => words(name)).sort(), [...carried, ...Object.values(linkAnnotations)].sort())
})

t.test('the table of limits has the defaults of the config', async (t) => {
  const fieldOf = (schema: unknown, name: string) => {
    const { properties } = schema as { properties: Record<string, { default?: unknown, items?: unknown }> }
    return name.endsWith('[]') ? properties[name.slice(0, -2)]?.items : properties[name]
  }
  for (const [option, value] of table('option')) {
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
  const named = table('command').map(([usage]) => find((words(usage)[0] ?? '').split(' ').slice(1)).command)
  t.strictSame(named.map(command => command.name()).sort(), leaves(program).map(command => command.name()).sort())
})

t.test('every command line in it is one that the command line takes', async (t) => {
  const lines = [
    ...blocks('sh').flatMap(text => text.split('\n')).filter(line => line.startsWith('portcullis ')),
    ...[...readme.matchAll(/`(portcullis [^`]+)`/g)].map(([, line = '']) => line),
  ]
  t.ok(lines.length > 10)
  for (const line of lines) {
    const [ours = ''] = line.split(' | ')
    const { command, rest } = find(ours.split(/\s+/).slice(1))
    t.ok(leaves(program).includes(command), line)
    for (const option of rest.filter(word => /^--?[a-z]/.test(word))) {
      t.ok(command.options.some(({ long, short }) => option === long || option === short), `${line}: ${option}`)
    }
  }
})

t.test('the options that the table of commands tells of are those of the commands', async (t) => {
  for (const [usage, text] of table('command')) {
    const { command } = find((words(usage)[0] ?? '').split(' ').slice(1))
    for (const option of words(text).map(word => word.split(' ')[0] ?? '').filter(word => word.startsWith('-') && word !== '-')) {
      t.ok(command.options.some(({ long, short }) => option === long || option === short), `${command.name()}: ${option}`)
    }
  }
})

t.test('links lead somewhere', async (t) => {
  const headings = [...readme.matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => text.toLowerCase().replace(/[^\w\s-]/g, '').replaceAll(' ', '-'))
  for (const [, target = ''] of readme.matchAll(/\]\(([^)]+)\)/g)) {
    t.ok(target.startsWith('#') ? headings.includes(target.slice(1)) : existsSync(join(root, target)), target)
  }
})
