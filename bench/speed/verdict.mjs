// What a verdict costs: ten thousand callers with a hundred rules each, every one of them asked in turn.
import { performance } from 'node:perf_hooks'
import { createAuthorize } from '../../dist/authorize/authorize.js'
import { rulesOf } from './portcullis.mjs'
import { target } from './targets.mjs'

const none = { resourceNames: [], nonResourceURLs: [], namespaces: [], acknowledge: [], apiGroups: [], resources: [] }
const cluster = { name: 'prod', openshift: false, account: undefined, bootstrapAccount: undefined, accountPending: false, restrictedIn: new Set(), settled: true, ownNamespaces: [] }

/** Microseconds a verdict, the middle of the rounds. */
export function measureVerdict({ callers = 10_000, rules = 100, rounds = 5 }) {
  const authorize = createAuthorize()
  const all = Array.from({ length: callers }, (_, index) => ({ definition: {
    name: `caller-${index}`, discovery: true, impersonate: undefined,
    grants: [{ scope: null, namespaces: undefined, rules: rulesOf(index, rules).map((rule) => ({ ...none, ...rule })) }],
  } }))
  const attributes = { isResourceRequest: true, path: '/api/v1/namespaces/team-1/pods/web-0', verb: 'get', apiPrefix: 'api', apiGroup: '', apiVersion: 'v1', namespace: 'team-1', resource: 'pods', subresource: '', name: 'web-0' }
  const ask = () => {
    const begun = performance.now()
    for (const caller of all) {
      const verdict = authorize(caller, { attributes, upgrade: false, contentType: undefined, impersonation: undefined, cluster })
      if (!verdict.allowed) throw new Error(verdict.reason)
    }
    return (performance.now() - begun) * 1000 / callers
  }
  // Compiled when first asked about.
  for (let warm = 0; warm < 10; warm += 1) ask()
  const times = Array.from({ length: rounds }, ask).sort((a, b) => a - b)
  return {
    targets: [target('a verdict, 10,000 callers with 100 rules each, µs', times[Math.floor(times.length / 2)], 2)],
    table: { title: `A verdict, ${callers} callers with ${rules} rules each, µs`, cells: [['', 'middle', 'least', 'greatest'], ['Portcullis', ...[times[Math.floor(times.length / 2)], times[0], times.at(-1)].map((micro) => micro.toFixed(2))]] },
  }
}
