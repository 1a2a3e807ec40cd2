import type { Finding, Sound } from '../files/fault.ts'
import { policyRuleFaults } from './policy-rules.ts'
import { recordingFaults } from './recording-faults.ts'
import { webhookFaults } from './rules-webhook.ts'
import type { WrittenConfig } from './schema.ts'
import { parseDuration, parseSize } from './units.ts'

/** What a schema cannot say of the audit. */
export function auditFaults(config: WrittenConfig, sound: Sound): Finding[] {
  return [...policyFaults(config, sound), ...bodyFaults(config, sound), ...ageFaults(config, sound), ...webhookFaults(config, sound), ...recordingFaults(config, sound)]
}

function policyFaults({ audit }: WrittenConfig, sound: Sound): Finding[] {
  if (!sound(['audit', 'policy'])) return []
  const faults = audit.policy.flatMap((rule, index) => policyRuleFaults(rule, ['audit', 'policy', index]))
  if (audit.policyFile === undefined || audit.policy.length === 0) return faults
  return [...faults, { path: ['audit', 'policyFile'], message: 'cannot stand beside policy: the rules are in one place' }]
}

/** Two bodies, escaped, have to fit into a line that sinks and readers still hold. */
const largestBody = 1024 ** 2

function bodyFaults({ audit }: WrittenConfig, sound: Sound): Finding[] {
  const path = ['audit', 'maxBodySize']
  if (!sound(path)) return []
  const size = parseSize(audit.maxBodySize) ?? 0
  return size > 0 && size <= largestBody ? [] : [{ path, message: 'must be more than 0 and at most 1MiB' }]
}

/** An age of nothing would put every event aside, and delete it. */
function ageFaults(config: WrittenConfig, sound: Sound): Finding[] {
  const sinks = sound(['audit', 'sinks']) ? config.audit.sinks : []
  return sinks.flatMap(({ file }, index) => (['maxAge', 'keepFor'] as const).flatMap((name): Finding[] => {
    const path = ['audit', 'sinks', index, 'file', name]
    return file?.[name] === undefined || !sound(path) || parseDuration(file[name]) !== 0 ? [] : [{ path, message: 'must be more than 0' }]
  }))
}
