import t from 'tap'
import { createRecheck, type Stops } from '../src/admit.ts'
import { createAuthorize } from '../src/authorize/authorize.ts'
import { fromAllowedSource } from '../src/authorize/source.ts'
import type { CallerDefinition, Rule } from '../src/model/caller.ts'
import type { ClusterFacts } from '../src/model/verdict.ts'
import { admitted, arrival, callerWith, resolved } from './support/builders.ts'
import { facts, question } from './support/questions.ts'

const everything: Partial<Rule> = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }

/** Whether a stream that these facts opened goes on under those. */
function goesOn(request: string, then: Partial<ClusterFacts>, now: Partial<ClusterFacts>): boolean {
  const caller = callerWith([everything])
  const cluster = { name: 'prod', facts: () => facts(now) }
  const recheck = createRecheck({
    clusters: { find: () => cluster, all: () => [] } as unknown as Stops['clusters'], authorize: createAuthorize(), mayUseCluster: () => true, fromAllowedSource,
  }, () => caller)
  const asked = question(request, { cluster: facts(then) })
  return recheck(admitted({ caller, resolved: resolved(), question: asked })) !== undefined
}

const watch = 'GET /api/v1/namespaces/a/secrets?watch=true'
const exec = 'POST /api/v1/namespaces/a/pods/x/exec'
const inA = { namespace: 'a', name: 'ci' }
const pending = { account: undefined, bootstrapAccount: undefined, accountPending: true, settled: false }

t.test('an open stream goes on while a new cluster is not told yet what the old one was', async (t) => {
  const rows: [why: string, request: string, then: Partial<ClusterFacts>, now: Partial<ClusterFacts>][] = [
    ['whose our credential is', watch, {}, pending],
    ['whether it is OpenShift', exec, {}, { openshift: true, settled: false }],
    ['where we are restricted', exec, { openshift: true, restrictedIn: new Set(['a']) }, { openshift: true, settled: false }],
    ['all of it', exec, {}, { ...pending, openshift: true }],
  ]
  for (const [why, request, then, now] of rows) {
    t.equal(goesOn(request, then, now), true, why)
    t.equal(goesOn(request, then, { ...now, settled: true }), false, `${why}, where that is the last word`)
  }
})

t.test('what it is told, and what the config says, ends it though something else is not told yet', async (t) => {
  t.equal(goesOn(watch, {}, { account: inA, settled: false }), false)
  t.equal(goesOn(watch, {}, { bootstrapAccount: inA, settled: false }), false)
  t.equal(goesOn(watch, {}, { ...pending, ownNamespaces: ['a'] }), false)
  t.equal(goesOn(watch, { account: inA }, pending), false, 'what only an acknowledgement opened that is gone')
})

t.test('a stream whose caller may not come from there any more ends, behind whatever proxies it came', async (t) => {
  const goesOnFrom = (sourceIPs: readonly string[], allowedFrom: CallerDefinition['allowedFrom']) => {
    const caller = callerWith([everything], { allowedFrom })
    const recheck = createRecheck({
      clusters: { find: () => ({ name: 'prod', facts: () => facts({}) }), all: () => [] } as unknown as Stops['clusters'],
      authorize: createAuthorize(), mayUseCluster: () => true, fromAllowedSource,
    }, () => caller)
    return recheck(admitted({ caller, arrival: arrival({ sourceIPs }), question: question(exec) })) !== undefined
  }
  t.equal(goesOnFrom(['10.0.0.1'], undefined), true)
  t.equal(goesOnFrom(['10.0.0.1', '192.0.2.1'], ['10.0.0.0/8']), true)
  t.equal(goesOnFrom(['10.0.0.1', '192.0.2.1'], ['192.0.2.0/24']), false)
  t.equal(goesOnFrom(['10.0.0.1'], []), false)
  t.equal(goesOnFrom([], ['10.0.0.0/8']), false)
})
