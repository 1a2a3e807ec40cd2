import type { AuditPolicyOptions } from '../audit/policy.ts'
import type { Config } from '../config/config.ts'
import { readPolicyFile } from '../config/policy-file.ts'

/** The policy of the config, or of the file that it names. Rejects with FaultsError where that is bad. */
export async function readPolicy({ audit: { policy, policyFile } }: Config): Promise<AuditPolicyOptions> {
  return policyFile === undefined ? policy : { ...policy, ...await readPolicyFile(policyFile) }
}

/** Files of which a change makes another policy. */
export function policyFiles({ audit: { policyFile } }: Config): string[] {
  return policyFile === undefined ? [] : [policyFile]
}
