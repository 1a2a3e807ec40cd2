// Who is asked what, in the quick run and in the full one.
import { byNode, direct, go, haproxy, kubectlProxy, nginx } from './contenders.mjs'

/** One caller with one rule, many callers, many rules, many clusters; ours is measured by the first. */
const shapes = [[1, 1, 1], [1000, 20, 1], [10_000, 20, 1], [100, 1000, 1], [1000, 20, 50]].map(([callers, rules, clusters]) => ({ callers, rules, clusters }))

/** `nodes`: [{ path, label }], the first being that of this process. */
export function plan({ whole, nodes }) {
  const [own, ...others] = nodes.map(({ path, label }) => byNode(path, nodes.length === 1 ? undefined : label))
  const ours = [own.portcullis, ...others.map(({ portcullis }) => portcullis)]
  const quick = [
    { workload: 'get', tls: false, contenders: [nginx, haproxy, kubectlProxy, go, own.plugin, ...ours] },
    { workload: 'get', tls: true, contenders: [direct, nginx, haproxy, go, own.portcullis] },
    { workload: 'discovery', tls: false, contenders: [own.memory, own.portcullis] },
    { workload: 'list10', tls: true, contenders: [nginx, own.portcullis] },
    { workload: 'http2', tls: true, contenders: [nginx, haproxy, own.portcullis] },
  ]
  if (!whole) return quick
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
    { workload: 'get', name: 'workers', tls: true, contenders: [own.portcullis, own.twoWorkers], title: 'GET of 2 KB, 1 and 2 workers' },
    { workload: 'get', name: 'growth', tls: true, contenders: shapes.map(own.shaped), title: 'GET of 2 KB, as it grows' },
  ]
}
