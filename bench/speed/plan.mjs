// Who is asked what, in the quick run and in the full one, and how long that takes.
import { byNode, direct, go, haproxy, kubectlProxy, nginx } from './contenders.mjs'
import { protocols, secondsOfWatches, watchModes } from './watches.mjs'
import { workloads } from './workloads.mjs'

/**
 * Seconds of a round, how many rounds, and seconds that each contender is asked before anything counts: V8 takes some 30,000
 * requests until what it compiles stays as it is. The quick run goes without that, and its figures of node are the dearer for it.
 */
export const modes = {
  quick: { seconds: 0.5, rounds: 3, warmUp: 1 },
  full: { seconds: 2, rounds: 5, warmUp: 6 },
}

/** One caller with one rule, many callers, many rules, many clusters; ours is measured by the first. */
const shapes = [[1, 1, 1], [1000, 20, 1], [10_000, 20, 1], [100, 1000, 1], [1000, 20, 50]].map(([callers, rules, clusters]) => ({ callers, rules, clusters }))

/** Seconds: for one of them to start and to stop, and after each round for what is still to be written. */
const [starting, writing] = [1.2, 0.1]

/**
 * The steps: `kind` (of all.mjs), `name` (of `--only`), `title`, and how many seconds it `takes`, about.
 * `nodes`: [{ path, label }], the newest first. `whole`: all of them; else what fits into two minutes.
 */
export function plan({ whole, full, nodes, seconds, rounds, watches }) {
  const [own, ...others] = nodes.map(({ path, label }) => byNode(path, nodes.length === 1 ? undefined : label))
  const length = { seconds, rounds, warmUp: modes[full ? 'full' : 'quick'].warmUp }
  const steps = whole ? wholePlan(own, others) : quickPlan(own, others)
  return [
    ...steps.map((step) => requests(step, length)),
    ...(whole ? Object.keys(protocols) : ['http1', 'http2']).map((protocol) => watchesOf(protocol, own.portcullis, full, watches)),
    ...!whole ? [] : [
      { kind: 'start', name: 'start', title: 'start of the demo', takes: nodes.length * Math.max(3, rounds) * 0.8 },
      { kind: 'verdict', name: 'verdict', title: 'verdicts', takes: 10 },
    ],
  ]
}

/** What the quick run leaves to the full one. */
export function leftOut(options) {
  const quick = new Set(plan({ ...options, whole: false }).map(({ name }) => name))
  return plan({ ...options, whole: true }).filter(({ name }) => !quick.has(name)).map(({ title }) => title)
}

function quickPlan(own, others) {
  return [
    { workload: 'get', tls: false, contenders: [nginx, haproxy, kubectlProxy, go, own.plugin, own.portcullis, ...others.map(({ portcullis }) => portcullis)] },
    { workload: 'get', tls: true, contenders: [direct, nginx, haproxy, go, own.portcullis] },
    { workload: 'discovery', tls: false, contenders: [own.memory, own.portcullis] },
    { workload: 'list10', tls: true, contenders: [nginx, own.portcullis] },
    { workload: 'http2', tls: true, contenders: [nginx, own.portcullis] },
  ]
}

function wholePlan(own, others) {
  const ours = [own.portcullis, ...others.map(({ portcullis }) => portcullis)]
  return [
    { workload: 'get', tls: false, contenders: [nginx, haproxy, kubectlProxy, go, own.plugin, ...others.map(({ plugin }) => plugin), ...ours] },
    { workload: 'get', tls: true, contenders: [direct, nginx, haproxy, go, own.plugin, ...ours] },
    { workload: 'discovery', tls: false, contenders: [own.memory, ...others.map(({ memory }) => memory), ...ours] },
    { workload: 'post', tls: true, contenders: [nginx, go, own.portcullis] },
    { workload: 'fresh', tls: true, contenders: [nginx, haproxy, go, own.portcullis] },
    { workload: 'http2', tls: true, contenders: [nginx, haproxy, go, own.portcullis] },
    { workload: 'list10', tls: true, contenders: [nginx, go, own.portcullis] },
    { workload: 'list100', tls: true, contenders: [nginx, go, own.portcullis] },
    { workload: 'latency', tls: true, contenders: [direct, nginx, own.portcullis] },
    { workload: 'exec', tls: true, contenders: [own.portcullis] },
    { workload: 'get', name: 'workers', tls: true, contenders: [own.oneWorker, own.twoWorkers], title: 'GET of 2 KB, 1 and 2 workers' },
    { workload: 'get', name: 'growth', tls: true, contenders: shapes.map(own.shaped), title: 'GET of 2 KB, as it grows' },
  ]
}

function requests(step, { seconds: asked, rounds, warmUp: most }) {
  const { title, bytes, warmUpHow, atLeast = 0 } = workloads[step.workload]
  const seconds = Math.max(asked, atLeast)
  // Of a large answer nearly all is moved by what is compiled beforehand.
  const warmUp = bytes === undefined ? most : Math.min(most, 2)
  const takes = step.contenders.length * (starting + warmUp * (warmUpHow === undefined ? 1 : 2) + writing + rounds * (seconds + writing))
  return { kind: 'requests', name: step.workload, title, warmUp, seconds, takes, ...step }
}

/** `watches`: another number of them than the mode's; no more than a thousand events a second all the same. */
function watchesOf(protocol, contender, full, watches) {
  const mode = watchModes[full ? 'full' : 'quick']
  const chosen = watches === undefined ? mode : { ...mode, counts: { [protocol]: watches }, every: Math.max(mode.every, watches) }
  return { kind: 'watches', name: `watches-${protocol}`, title: `idle watches, ${protocols[protocol].title}`, protocol, contender, mode: chosen, takes: secondsOfWatches(protocol, chosen) }
}
