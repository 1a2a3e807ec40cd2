// The whole run: starts both sides, and whoever is measured, step by step.
import { execFileSync } from 'node:child_process'
import { startContender } from './contenders.mjs'
import { measure, ratioOf } from './measure.mjs'
import { plan } from './plan.mjs'
import { cores } from './processes.mjs'
import { judge } from './targets.mjs'
import { workloads } from './workloads.mjs'

/** As many as any contender knows. */
const callersCount = 10_000

/** Results by workload, versions by contender, what was left out, targets, and what went wrong. */
export async function measureAll(options) {
  const sides = await startSides(options)
  const outcome = { results: [], versions: {}, left: [], faults: [] }
  const steps = plan(options).filter(({ workload, name = workload }) => options.isWanted(name))
  for (const step of steps) await runStep(step, { ...options, ...sides, outcome })
  const more = await measureMore(options)
  const foreign = await sides.server.ask('foreign')
  if (foreign > 0) outcome.faults.push(`${foreign} requests came upstream without our credential`)
  const names = namesOf(options.nodes)
  return { ...outcome, more: more.map(({ table }) => table), targets: [...judge(outcome.results, names), ...more.flatMap(({ targets }) => targets)] }
}

/** What is no request to a contender. */
async function measureMore({ isWanted, nodes, rounds, say }) {
  const more = []
  if (isWanted('start')) {
    say('measuring: start')
    const { measureStart } = await import('./start.mjs')
    more.push(await measureStart({ nodes, rounds: Math.max(3, rounds) }))
  }
  if (isWanted('verdict')) {
    say('measuring: verdicts')
    const { measureVerdict } = await import('./verdict.mjs')
    more.push(measureVerdict({ rounds }))
  }
  return more
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
  const [server, callers] = [run.keep(startPart('../speed/upstream.mjs')), run.keep(startPart('../speed/callers.mjs'))]
  for (const { pid } of [server, callers]) if (cores !== undefined) execFileSync('taskset', ['-a', '-p', '-c', cores.others, String(pid)])
  const { port, pid } = await server.ask('start', { ...certificate, token })
  const upstream = { url: `https://localhost:${port}`, port, pid }
  return { server, callers, upstream, ca: authority.ca, certificate, token, minted, keys: minted.slice(0, 1000).map(({ key }) => key) }
}

async function runStep({ workload: name, tls, contenders, title }, { run, say, outcome, callers, without, seconds, rounds, full, ...sides }) {
  const workload = workloads[name]
  const heading = title ?? workload.title
  run.doing = `measuring: ${heading}${tls ? ', TLS' : ''}`
  say(run.doing)
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
      running.push({ ...await startContender(contender, { ...sides, certificate: tls ? sides.certificate : undefined }), ...contender })
    }
    const warmUp = full && name !== 'exec' ? 6 : Math.max(1, seconds)
    const rows = await measure(workload, running, { callers, keys: sides.keys, token: sides.token, ca: tls ? sides.ca : undefined, seconds, rounds, warmUp, rate: rateFor(outcome.results) })
    const ours = rows.find((row) => row.ours)
    for (const row of rows) outcome.faults.push(...row.failed.map((fault) => `${heading}, ${row.name}: ${fault}`))
    outcome.results.push({ title: heading, tls, large: workload.bytes !== undefined, rows: rows.map((row) => ({ ...row, ratio: ratioOf(ours.cpu, row.cpu) })) })
  } finally {
    for (const contender of running) await contender.stop()
  }
}

/** A quarter of what one core of ours can, by what was measured before. */
function rateFor(results) {
  const ours = results.find(({ title, tls }) => title === 'GET of 2 KB' && tls)?.rows.find((row) => row.ours)
  return ours === undefined ? 500 : Math.round(1e6 / ours.cpu.middle / 4)
}
