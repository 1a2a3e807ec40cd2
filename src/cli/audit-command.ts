import type { Command } from 'commander'
import type { Done, Terminal } from './terminal.ts'

/** Of the request log. */
export function addAuditVerify(audit: Command, done: Done, { stdout, stderr }: Terminal): void {
  audit.command('verify')
    .description('check the hash chain of audit files, and name the first line that was changed, removed, added or moved')
    .argument('<file...>', 'all files of one log, plain or .gz, in any order')
    .option('--public-key <file>', 'PEM file of the public Ed25519 key: check the signatures beside the files, too')
    .option('--json', 'an object')
    .action(async (files: string[], options: { publicKey?: string, json?: boolean }) => {
      done(await (await import('./audit-verify.ts')).auditVerifyCommand({ ...options, files }, { stdout, stderr }))
    })
}
