import type { Command } from 'commander'
import type { FilterOptions } from './audit-show/filter.ts'
import { append, configFile, configOption, type Done, type Terminal, type WithConfig } from './terminal.ts'

type ShowOptions = FilterOptions & WithConfig & { readonly follow?: boolean, readonly json?: boolean }

/** What reads the audit log. */
export function addAuditCommands(program: Command, done: Done, { stdin, stdout, stderr, env }: Terminal): void {
  const audit = program.command('audit').description('the audit log')
  addVerify(audit, done, { stdout, stderr })
  audit.command('show')
    .description('the events of an audit log, ours or an API server\'s, a line each')
    .argument('[file...]', 'files of the log, compressed or not; - is stdin (default: what the config writes to, with the files put aside, oldest first)')
    .option(...configOption)
    .option('--caller <name>', 'of this caller; this and what follows may be given again, for one or the other', append, [])
    .option('--verb <verb>', 'get, list, watch, create, …', append, [])
    .option('--resource <resource>', 'RESOURCE[.GROUP][/SUBRESOURCE], as in pods, pods/exec, deployments.apps; * is any; or a path that begins with /', append, [])
    .option('-n, --namespace <name>', 'about this namespace', append, [])
    .option('--code <code>', 'HTTP status, as in 403 or 4xx, or a code of ours, as in ScopeDenied', append, [])
    .option('--cluster <name>', 'that went to this cluster', append, [])
    .option('--since <time>', 'a duration before now, as in 90m or 14d, a day or a minute in UTC as in 2026-11-21T10:00, or an RFC 3339 time')
    .option('--until <time>', 'as --since')
    .option('--denied', 'what was refused for who asked or what was asked')
    .option('--would-deny', 'what was allowed and shadow scopes would have denied')
    .option('-f, --follow', 'go on as the last file is written, also when it is put aside')
    .option('--json', 'the lines of the log themselves')
    .action(async (files: string[], { config, ...options }: ShowOptions) => {
      const ended = new AbortController()
      // At stdin there is nothing to be ended: whoever writes to it ends with the same Ctrl-C.
      if (options.follow === true && files.at(-1) !== '-') for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort())
      const args = { ...options, files, configFile: () => configFile(config === undefined ? {} : { config }, env) }
      done(await (await import('./audit-show/show.ts')).auditShowCommand(args, { stdin, stdout, stderr, now: Date.now, signal: ended.signal }))
    })
}

function addVerify(audit: Command, done: Done, { stdout, stderr }: Pick<Terminal, 'stdout' | 'stderr'>): void {
  audit.command('verify')
    .description('check the hash chain of audit files, and name the first line that was changed, removed, added or moved')
    .argument('<file...>', 'all files of one log, plain or .gz, in any order')
    .option('--public-key <file>', 'PEM file of the public Ed25519 key: check the signatures beside the files, too')
    .option('--recordings <folder>', 'hold the recordings that the events name against their SHA-256, too')
    .option('--json', 'an object')
    .action(async (files: string[], options: { publicKey?: string, recordings?: string, json?: boolean }) => {
      done(await (await import('./audit-verify.ts')).auditVerifyCommand({ ...options, files }, { stdout, stderr }))
    })
}
