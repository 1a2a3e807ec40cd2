import { matchesResource } from '../audit/policy-match.ts'
import { nearestName } from '../callers/nearest-name.ts'
import type { Config, PolicyRuleConfig } from '../config/config.ts'
import { readPolicyFile } from '../config/policy-file.ts'
import { isCatchAll } from '../config/policy-words.ts'
import type { Finding, Path } from '../files/fault.ts'

/**
 * Rules of the audit policy that cannot do what they say, and recordings that none asks for. `callers`: the names of all;
 * undefined: they are not known. A policy file that cannot be read is no matter of this: `findMissing` has it.
 */
export async function policyWarnings(config: Config, callers: readonly string[] | undefined): Promise<Finding[]> {
  const { policy, policyFile, recordings } = config.audit
  if (policyFile !== undefined) {
    const { rules } = await readPolicyFile(policyFile).catch(() => ({ rules: [] }))
    const path: Path = ['audit', 'policyFile']
    return [
      ...unreached(rules).map(({ number, by }) => ({ path, message: `rule ${number} is never reached: rule ${by} matches everything` })),
      ...recordings === undefined ? [] : [{ path: ['audit', 'recordings'], message: 'records nothing: a policyFile cannot say recordSessions; write the rules as audit.policy' }],
    ]
  }
  const { rules } = policy
  const path = (index: number): Path => ['audit', 'policy', index]
  return [
    ...unreached(rules).map(({ number, by }) => ({ path: path(number - 1), message: `is never reached: rule ${by} matches everything; put it before that one, or take it out` })),
    ...rules.flatMap((rule, index) => [...sessionWarnings(rule, path(index)), ...callerWarnings(rule, path(index), callers)]),
    ...recordings === undefined || rules.some(({ recordSessions }) => recordSessions === true) ? [] : [{ path: ['audit', 'recordings'], message: 'records nothing: no rule of audit.policy has recordSessions: true' }],
  ]
}

/** By their numbers, from 1. */
function unreached(rules: readonly PolicyRuleConfig[]): { readonly number: number, readonly by: number }[] {
  const by = rules.findIndex(isCatchAll) + 1
  return by === 0 ? [] : rules.slice(by).map((_, index) => ({ number: by + index + 1, by }))
}

function sessionWarnings({ level, recordSessions, resources = [], nonResourceURLs = [], verbs = [] }: PolicyRuleConfig, path: Path): Finding[] {
  if (recordSessions !== true) return []
  const say = (message: string): Finding[] => [{ path: [...path, 'recordSessions'], message }]
  if (level === 'None') return say('beside level None: no event would name a recording; Metadata is enough')
  const isSession = (subresource: string) => resources.some(one => matchesResource(one, { group: '', resource: 'pods', subresource, name: one.resourceNames[0] ?? '' }))
  if (nonResourceURLs.length > 0 || (resources.length > 0 && !isSession('exec') && !isSession('attach'))) {
    return say('records nothing: sessions are pods/exec and pods/attach, as in resources: [{ resources: [pods/exec, pods/attach] }]')
  }
  // By WebSocket a session is a GET, by SPDY mostly a POST.
  return verbs.length > 0 && !verbs.includes('get') && !verbs.includes('create') ? say('records nothing: a session is a get or a create') : []
}

function callerWarnings({ callers = [] }: PolicyRuleConfig, path: Path, known: readonly string[] | undefined): Finding[] {
  if (known === undefined) return []
  const names = new Set(known)
  return callers.flatMap((name, index): Finding[] => {
    if (name === '' || names.has(name)) return []
    const nearest = nearestName(name, names)
    return [{ path: [...path, 'callers', index], message: `names no caller: ${name}${nearest === undefined ? '' : `; is ${nearest} meant?`}` }]
  })
}
