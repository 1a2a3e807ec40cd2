// What the proxy is held to, as ratios within one run.
import { ratioOf } from './measure.mjs'

const find = (results, title, tls) => results.find((each) => each.title === title && each.tls === tls)
const row = (result, name) => result?.rows.find((each) => each.name === name)

/** Each: what is measured, the figure, the bound and whether it holds; undefined figures where one of the two was not there. */
export function judge(results, { newest, oldest }) {
  const plain = find(results, 'GET of 2 KB', false)
  const secure = find(results, 'GET of 2 KB', true)
  const discovery = find(results, 'discovery, from the cache', false)
  const large = find(results, 'list of 100 MB', true)
  const latency = results.find(({ title }) => title.includes('at a quarter'))
  const cpu = (result, ours, theirs) => {
    const [one, other] = [row(result, ours), row(result, theirs)]
    return one === undefined || other === undefined ? undefined : ratioOf(one.cpu, other.cpu)
  }
  const added = (share) => {
    const [one, other] = [row(latency, newest.portcullis), row(latency, 'direct')]
    return one === undefined || other === undefined ? undefined : one[share].middle - other[share].middle
  }
  const throughput = () => {
    const [one, other] = [row(large, newest.portcullis), row(large, 'nginx')]
    return one === undefined || other === undefined ? undefined : ratioOf(one.throughput, other.throughput)
  }
  const growth = () => row(large, newest.portcullis) && row(large, newest.portcullis).growth.middle / 1e6
  return [
    ...[['kubectl proxy', 0.5], ['nginx', 3.5], [newest.plugin, 0.45], ['Go ReverseProxy', 0.75]]
      .map(([other, bound]) => [`processor time, GET, plain, ${newest.label}, of ${other}`, cpu(plain, newest.portcullis, other), bound]),
    ...['haproxy', 'nginx'].map((other) => [`the same, TLS both sides, of ${other}`, cpu(secure, newest.portcullis, other), 3]),
    ...oldest === undefined ? [] : [[`the same, plain, ${oldest.label}, of kubectl proxy`, cpu(plain, oldest.portcullis, 'kubectl proxy'), 0.65]],
    ['discovery hit, of Node from memory', cpu(discovery, newest.portcullis, newest.memory), 1.5],
    ['throughput, list of 100 MB, of nginx', throughput(), 0.7, 'at least'],
    ['memory more, list of 100 MB, MB', growth(), 30],
    ['latency added, p50, ms', added('p50'), 0.4],
    ['latency added, p99, ms', added('p99'), 3],
    ...growthOf(results),
  ].filter(([, figure]) => figure !== undefined).map((each) => target(...each))
}

export function target(measure, figure, bound, kind = 'at most') {
  return { measure, figure, bound, kind, held: kind === 'at most' ? figure <= bound : figure >= bound }
}

/** Of one that `measureWatches` resolved with; memory where there were `enough`. */
export function judgeWatches({ title, count, bytes, added, lost, sent, outOfOrder, ended, slow }, { enough, target: most }) {
  const those = `${count} watches, ${title}`
  return [
    ...count < enough ? [] : [target(`${those}, KB each`, bytes / 1000, most)],
    target(`${those}: of ${sent + slow.sent} events lost or out of order, or watches ended`, lost + outOfOrder + ended + slow.lost, 0),
    target(`${those}: an event passed on, p50, ms`, added.p50, 1),
    target(`${those}: an event passed on, p99, ms`, added.p99, 1),
  ]
}

/** Flat: what the machine's own noise is. Two workers: by the processor time that each request costs them more than one. */
function growthOf(results) {
  const grown = results.find(({ title }) => title.includes('as it grows'))
  const workers = results.find(({ title }) => title.includes('2 workers'))
  const [one, two] = workers?.rows ?? []
  return [
    ...(grown?.rows ?? []).slice(1).map((row) => [`${row.name}, of the first`, ratioOf(row.cpu, grown.rows[0].cpu), 1.2]),
    ['2 workers, requests a second of processor time, of 1', two && 2 * ratioOf(one.cpu, two.cpu), 1.8, 'at least'],
  ]
}
