import type { AuditPolicyOptions, AuditPolicyRule } from '../../src/audit/policy.ts'

/** A policy of these rules, the rest as where the config says nothing. */
export function policyOf(rules: readonly AuditPolicyRule[] = [], overrides: Partial<AuditPolicyOptions> = {}): AuditPolicyOptions {
  return { rules, omitStages: ['RequestReceived'], otherwise: 'Metadata', maxBodySize: 64 * 1024, ...overrides }
}
