import { createAuthorize } from '../../src/authorize/authorize.ts'
import type { CallerDefinition, Rule } from '../../src/model/caller.ts'
import type { ClusterFacts, Question, Verdict } from '../../src/model/verdict.ts'
import { resolveTarget } from '../../src/resolve/resolve.ts'
import { callerWith } from './builders.ts'

/** A cluster whose account lives in `own`, with Portcullis itself in `portcullis`. */
export function facts(overrides: Partial<ClusterFacts> = {}): ClusterFacts {
  return {
    name: 'prod', openshift: false, account: { namespace: 'own', name: 'proxy' }, bootstrapAccount: undefined, accountPending: false,
    restrictedIn: new Set(), settled: true, ownNamespaces: ['portcullis'],
    ...overrides,
  }
}

/** `GET /api/v1/pods` as a question about a request that looks so. */
export function question(request: string, overrides: Partial<Question> = {}): Question {
  const [method = '', target = ''] = request.split(' ')
  const { attributes } = resolveTarget(method, target)
  return { attributes, upgrade: false, contentType: undefined, impersonation: undefined, cluster: facts(), ...overrides }
}

const authorize = createAuthorize()

/** The verdict on a request for a caller with these rules of its own. */
export function judge(
  rules: readonly Partial<Rule>[], request: string, overrides: Partial<Question> = {}, caller: Partial<CallerDefinition> = {},
): Verdict {
  return authorize(callerWith(rules, caller), question(request, overrides))
}
