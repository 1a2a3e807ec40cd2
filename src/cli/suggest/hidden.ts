import type { Config, PolicyRuleConfig } from '../../config/config.ts'
import { readPolicyFile } from '../../config/policy-file.ts'
import { isCatchAll, ruleTextOf } from '../../config/policy-words.ts'
import { messageOf } from '../output.ts'

/** Of what the audit policy that is in force writes nothing for a caller, in words; empty: of nothing, as far as its rules say. */
export type Hidden = (caller: string) => readonly string[]

/** From the config, or the policy file that it names; one that cannot be read is said in its place. */
export async function hiddenBy(config: Config): Promise<Hidden> {
  const { policy, policyFile } = config.audit
  const where = policyFile ?? 'audit.policy'
  try {
    const { rules, otherwise } = policyFile === undefined ? policy : await readPolicyFile(policyFile)
    return caller => hiddenIn(rules.filter(rule => mayBeFor(rule, caller)), otherwise).map(({ rule, text }) => rule === undefined ? `${where}: ${text}` : `${where} rule ${rules.indexOf(rule) + 1}: ${text}`)
  } catch (error) {
    return () => [`${where}: nobody knows, for it cannot be read (${messageOf(error)})`]
  }
}

interface HiddenPart {
  /** Undefined: where none matches. */
  readonly rule: PolicyRuleConfig | undefined
  readonly text: string
}

function hiddenIn(rules: readonly PolicyRuleConfig[], otherwise: string): HiddenPart[] {
  const all = rules.findIndex(rule => isCatchAll({ ...rule, callers: [], groups: [] }))
  const hidden = (all === -1 ? rules : rules.slice(0, all + 1)).filter(({ level }) => level === 'None').map(rule => ({ rule, text: ruleTextOf(rule) }))
  return all === -1 && otherwise === 'None' ? [...hidden, { rule: undefined, text: 'what none of its rules matches' }] : hidden
}

/** A caller that is known is never nobody. */
function mayBeFor({ callers = [], groups = [] }: PolicyRuleConfig, caller: string): boolean {
  return (callers.length === 0 || callers.includes(caller)) && (groups.length === 0 || groups.includes('system:authenticated'))
}
