import { readFile } from 'node:fs/promises'
import { byPosition, FaultsError, soundWithout, wholeFile } from '../files/fault.ts'
import { checkSchema } from '../files/schema.ts'
import type { Static } from '../files/shape.ts'
import { whyUnreadable } from '../files/unreadable.ts'
import { readYaml } from '../files/yaml.ts'
import type { PolicyConfig, PolicyRuleConfig } from './config.ts'
import { policyRuleFaults } from './policy-rules.ts'
import { policyFileSchema } from './schema-audit-policy.ts'

/**
 * Reads an `audit.k8s.io/v1` Policy as an API server does (k8s.io/apiserver pkg/audit/policy/reader.go): None where no
 * rule matches. Rejects with FaultsError.
 */
export async function readPolicyFile(file: string): Promise<Omit<PolicyConfig, 'maxBodySize'>> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => { throw new FaultsError([wholeFile(file, whyUnreadable(error))]) })
  const { documents: [document, second], faults } = readYaml(file, text)
  if (faults.length > 0) throw new FaultsError(faults)
  if (document === undefined) throw new FaultsError([wholeFile(file, 'is empty; it needs a Policy of audit.k8s.io/v1')])
  if (second !== undefined) throw new FaultsError([second.locate({ path: [], message: 'is a second document: a policy is one' })])
  const { value, findings } = checkSchema(policyFileSchema, document.value)
  const sound = soundWithout(findings)
  const more = sound(['rules']) ? value.rules.flatMap((rule, index) => policyRuleFaults(rule, ['rules', index])) : []
  const found = [...findings, ...more]
  if (found.length > 0) throw new FaultsError(byPosition(found.map(finding => document.locate(finding))))
  return { rules: value.rules.map(rule => toRule(rule, value.omitManagedFields)), omitStages: value.omitStages, otherwise: 'None' }
}

type WrittenRule = Static<typeof policyFileSchema>['rules'][number]

/** An API server's user is a caller here, and its anonymous one nobody. */
function toRule({ users, userGroups, ...rule }: WrittenRule, omitManagedFields: boolean | undefined): PolicyRuleConfig {
  const omit = rule.omitManagedFields ?? omitManagedFields
  return {
    ...rule as PolicyRuleConfig,
    ...users === undefined ? {} : { callers: users.map(user => user === 'system:anonymous' ? '' : user) },
    ...userGroups === undefined ? {} : { groups: userGroups },
    ...omit === undefined ? {} : { omitManagedFields: omit },
  }
}
