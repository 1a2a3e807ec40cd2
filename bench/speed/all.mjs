// The whole run: starts both sides, and whoever is measured, step by step.
import { createProgress } from '../support/progress.mjs'
import { startContender } from './contenders.mjs'
import { measure, ratioOf } from './measure.mjs'
import { plan } from './plan.mjs'
import { aside } from './processes.mjs'
import { judge } from './targets.mjs'
import { runWatches, watchTable } from './watches.mjs'
import { workloads } from './workloads.mjs'

/** As many as any contender knows. */
const callersCount = 10_000

/** Results by workload, of watches by protocol, other tables, versions by contender, what was left out, targets, what went wrong, and seconds. */
export async function measureAll(options) {
  const steps = plan(options).filter(({ name }) => options.isWanted(name))
  if (steps.length === 0) throw new Error(`--only names no workload; they are: ${[...new Set(plan(options).map(({ name }) => name))].join(' ')}`)
  const progress = createProgress({ steps: steps.length, expected: steps.reduce((sum, { takes }) => sum + takes, 0) })
  const sides = await startSides(options)
  const outcome = { results: [], watches: [], more: [], versions: {}, left: [], targets: [], faults: [] }
  for (const step of steps) {
    options.run.doing = `measuring: ${step.title}`
    progress.step(step.title)
    await tried(step, { ...options, ...sides, outcome, tell: progress.tell })
  }
  progress.end()
  const foreign = await sides.server.ask('foreign')
  if (foreign > 0) outcome.faults.push(`${foreign} requests came upstream without our credential`)
  if (outcome.watches.length > 0) outcome.more.unshift(watchTable(outcome.watches))
  return { ...outcome, targets: [...judge(outcome.results, namesOf(options.nodes)), ...outcome.targets], took: progress.took }
}

/** What one step fails by is told with what the others found. */
async function tried(step, context) {
  try {
    await kinds[step.kind](step, context)
  } catch (error) {
    if (context.run.givenUp) throw error
    context.outcome.faults.push(`${step.title}: ${error.message}`)
  }
}

const kinds = {
  requests: runRequests,
  async watches(step, { outcome, ...context }) {
    const { result, version, targets, faults } = await runWatches(step, context)
    outcome.versions[step.contender.name] = version
    outcome.watches.push(result)
    outcome.targets.push(...targets)
    outcome.faults.push(...faults)
  },
  async start(_step, { nodes, rounds, outcome }) {
    const { measureStart } = await import('./start.mjs')
    add(outcome, await measureStart({ nodes, rounds: Math.max(3, rounds) }))
  },
  async verdict(_step, { rounds, outcome }) {
    const { measureVerdict } = await import('./verdict.mjs')
    add(outcome, measureVerdict({ rounds }))
  },
}

function add(outcome, { table, targets }) {
  outcome.more.push(table)
  outcome.targets.push(...targets)
}

function namesOf(nodes) {
  const suffix = ({ label }) => nodes.length === 1 ? '' : `, Node ${label}`
  const named = (node) => ({ label: `Node ${node.label}`, portcullis: `Portcullis${suffix(node)}`, plugin: `@fastify/http-proxy${suffix(node)}`, memory: `Node from memory${suffix(node)}` })
  return { newest: named(nodes[0]), oldest: nodes.length > 1 ? named(nodes.at(-1)) : undefined }
}

async function startSides({ run, random }) {
  const { makeAuthority } = await import('../../dist/sample/certificate.js')
  const { mintKey } = await import('../../dist/keys/key.js')
  const { startPart } = await import('../support/part.mjs')
  const authority = makeAuthority({ days: 1 })
  const certificate = authority.issue(['localhost', '127.0.0.1'])
  const minted = Array.from({ length: callersCount }, () => mintKey(random))
  const token = random(32).toString('hex')
  const [server, callers] = ['upstream', 'callers'].map((side) => run.keep(aside(startPart(`../speed/${side}.mjs`))))
  const { port, pid } = await server.ask('start', { ...certificate, token })
  const upstream = { url: `https://localhost:${port}`, port, pid }
  return { server, callers, upstream, ca: authority.ca, certificate, token, minted, keys: minted.slice(0, 1000).map(({ key }) => key) }
}

async function runRequests({ workload: name, tls, contenders, title, warmUp, seconds }, { run, outcome, callers, without, rounds, tell, ...sides }) {
  const workload = workloads[name]
  const running = []
  try {
    for (const contender of contenders) {
      if (without.includes(contender.name) || contender.tlsOnly && !tls) continue
      const version = await contender.find()
      if (version === undefined) {
        if (!outcome.left.includes(contender.name)) outcome.left.push(contender.name)
        continue
      }
      outcome.versions[contender.name] = version
      tell(`${contender.name} starts`)
      running.push({ ...run.keep(await startContender(contender, { ...sides, certificate: tls ? sides.certificate : undefined })), ...contender })
    }
    const rows = await measure(workload, running, { callers, keys: sides.keys, token: sides.token, ca: tls ? sides.ca : undefined, seconds, rounds, warmUp, rate: rateFor(outcome.results), tell })
    const ours = rows.find((row) => row.ours)
    for (const row of rows) outcome.faults.push(...row.failed.map((fault) => `${title}, ${row.name}: ${fault}`))
    outcome.results.push({ title, tls, large: workload.bytes !== undefined, rows: rows.map((row) => ({ ...row, ratio: ratioOf(ours.cpu, row.cpu) })) })
  } finally {
    // One that drains takes a second for it.
    await Promise.all(running.map((contender) => contender.stop()))
  }
}

/** A quarter of what one core of ours can, by what was measured before. */
function rateFor(results) {
  const ours = results.find(({ title, tls }) => title === 'GET of 2 KB' && tls)?.rows.find((row) => row.ours)
  return ours === undefined ? 500 : Math.round(1e6 / ours.cpu.middle / 4)
}
