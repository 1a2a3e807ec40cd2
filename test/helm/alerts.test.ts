// Alerts and dashboard ask for metrics that there are, by labels that these have; what else a query needs to be right is
// in the comments of templates/prometheusrule.yaml.
import { readFile } from 'node:fs/promises'
import { collectDefaultMetrics, Registry } from 'prom-client'
import t from 'tap'
import { asFields } from '../../src/json-fields.ts'
import { refusalCodes } from '../../src/errors.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { chart, find, render, valuesFile } from '../support/chart.ts'

interface Rule { readonly alert: string, readonly expr: string, readonly labels: Readonly<Record<string, string>>, readonly annotations: Readonly<Record<string, string>> }

const { manifests } = await render(['--values', valuesFile('watched'), '--set-json', 'prometheusRule.extraRules=[]'])
const [group] = asFields(find(manifests, 'PrometheusRule')?.['spec'])['groups'] as { rules: Rule[] }[]
const rules = group?.rules ?? []
const dashboard = JSON.parse(await readFile(`${chart}dashboards/portcullis.json`, 'utf8')) as { panels: { title: string, targets: { expr: string }[] }[] }
const queries = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
]

/** Labels that the operator's Prometheus gives to every series of a Service, and its own of a histogram. */
const ofTarget = ['namespace', 'service', 'pod', 'job', 'le']

/** Every metric that a replica has, with its labels. */
async function exposed(): Promise<Map<string, readonly string[]>> {
  const ours = createMetrics({ now: Date.now, nodeMetrics: false })
  const values = (await ours.values()) as unknown as { name: string, type: string }[]
  const page = await readFile(new URL('../../docs/reference/metrics.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| `(portcullis_\w+)` \| ([^|]*)\|/gm)].map(([, name = '', labels = '']) => [name, [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label)] as const)
  const found = new Map<string, readonly string[]>(rows)
  for (const { name, type } of values) {
    if (!found.has(name)) throw new Error(`the table of docs/reference/metrics.md lacks ${name}`)
    if (type === 'histogram') found.set(`${name}_bucket`, found.get(name) ?? [])
  }
  const node = new Registry()
  collectDefaultMetrics({ register: node })
  for (const { name } of await node.getMetricsAsJSON()) found.set(name, [])
  node.clear()
  return found.set('up', [])
}

const metrics = await exposed()
const functions = new Set(['sum', 'min', 'max', 'rate', 'increase', 'absent', 'max_over_time', 'histogram_quantile', 'topk', 'time', 'by', 'and', 'or', 'unless', 'offset'])

/** Names that a query uses as metrics, as labels of selectors, and as labels of groupings. */
function namesIn(expr: string) {
  const labels = [...expr.matchAll(/\{([^}]*)\}/g)].map(([, inner = '']) => [...inner.matchAll(/(\w+)(?:=~|!=|!~|=)"/g)].map(([, label = '']) => label))
  const groupings = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(',').map(label => label.trim()))
  const bare = expr.replace(/\{[^}]*\}/g, '{}').replace(/\[[^\]]*\]/g, '').replace(/\bby \([^)]*\)/g, '').replace(/\boffset \w+/g, '')
  const words = [...bare.matchAll(/[a-z_]\w*/gi)].map(([word]) => word).filter(word => !functions.has(word))
  return { words, labels, groupings, selectors: [...bare.matchAll(/(\w+)\{\}/g)].map(([, name = '']) => name) }
}

t.test('every query asks for metrics and labels that there are, of this release alone', async (t) => {
  t.ok(queries.length > 25)
  for (const [name, expr] of queries) {
    const { words, labels, groupings, selectors } = namesIn(expr)
    t.strictSame(words.filter(word => !metrics.has(word)), [], `${name}: metrics`)
    t.strictSame(words, selectors, `${name}: each with a selector`)
    for (const [index, metric] of selectors.entries()) {
      const known = [...metrics.get(metric) ?? [], ...ofTarget]
      t.strictSame(labels[index]?.filter(label => !known.includes(label)), [], `${name}: labels of ${metric}`)
      t.ok(labels[index]?.includes('namespace'), `${name}: of this namespace`)
    }
    const all = selectors.flatMap(metric => metrics.get(metric) ?? [])
    t.strictSame(groupings.filter(label => ![...all, ...ofTarget].includes(label)), [], `${name}: groupings`)
    t.equal(expr.split('(').length, expr.split(')').length, `${name}: brackets`)
  }
})

t.test('codes in selectors are codes of refusals', async (t) => {
  const codes = queries.flatMap(([, expr]) => [...expr.matchAll(/code(=~?)"([^"]*)"/g)])
  t.ok(codes.length > 5)
  for (const [, , pattern = ''] of codes) {
    const form = new RegExp(`^(?:${pattern})$`)
    t.ok(refusalCodes.some(code => form.test(code)), pattern)
    for (const one of pattern.split('|')) t.ok(refusalCodes.some(code => new RegExp(`^(?:${one})$`).test(code)), one)
  }
})

t.test('every alert says how bad it is, what it means and what to do, with labels that its query keeps', async (t) => {
  for (const { alert, expr, labels, annotations } of rules) {
    t.match(labels['severity'], /^(warning|critical)$/, alert)
    t.match(annotations, { summary: /\.$/, description: /\.$|\}\}$|where\.$/, runbook_url: /^https:\/\/.*#portcullis/ }, alert)
    const used = [...Object.values(annotations).join(' ').matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label)
    const { groupings } = namesIn(expr)
    t.strictSame(used.filter(label => !groupings.includes(label)), [], alert)
  }
  t.ok(['PortcullisCredentialExpiring', 'PortcullisReloadFailed', 'PortcullisDenialsSurging', 'PortcullisAuditDropping'].every(name => rules.some(({ alert }) => alert === name)))
})

t.test('the alerts of a release under another name look at its own series', async (t) => {
  const { text } = await render(['--values', valuesFile('watched'), '--set', 'fullnameOverride=gate'])
  t.match(text, /job="gate-admin",namespace="portcullis"/)
  t.notMatch(text, /job="portcullis-admin"/)
})
