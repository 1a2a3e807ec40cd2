import type { Command } from 'commander'
import type { SuggestArgs } from './suggest/suggest.ts'
import { append, configFile, configOption, type Done, type Terminal, type WithConfig } from './terminal.ts'

type Options = Omit<SuggestArgs, 'files' | 'configFile' | 'configNamed'> & WithConfig

const help = `
What is printed is a callers file: the scope, and as comments how often each rule was used, what the log has beyond it, a diff to
today's rules and what of those was never used. It allows what was done and no more, but for what is said here: names of objects are left out
where there were more than 8 of them for one verb on one resource in one namespace, or generated ones (--names), but not those of secrets, nor
where today's rule has names; of more than 8 that nothing had (404) none is in it; what is about no namespace, or
about all, takes namespaces: ["*"], which has every namespace in it; namespaces are those that were seen, unless --namespace-glob takes them together.
A guarded route is acknowledged only where a rule of today does.
`

export function addSuggest(program: Command, done: Done, { stdin, stdout, stderr, env }: Terminal): void {
  program.command('suggest')
    .description('the smallest scope that allows what the audit log shows, and what of today\'s was never used; or what a proposed callers file would change')
    .argument('[audit...]', 'files of the log, compressed or not; - is stdin (default: what the config writes to, with the files put aside)')
    .option(...configOption)
    .option('--caller <name>', 'whose scope')
    .option('--since <time>', 'a duration before now, as in 14d, a day or a minute in UTC as in 2026-11-21T10:00, or an RFC 3339 time')
    .option('--until <time>', 'as --since')
    .option('--cluster <name>', 'what went to this cluster alone; may be given again', append, [])
    .option('--names <which>', 'names of objects in rules: few, all or none', 'few')
    .option('--namespace-glob <glob>', 'take namespaces together, as in team-*; may be given again', append, [])
    .option('--include-denied', 'take in what no rule allowed, too')
    .option('--shadow', 'as a scope that is tried out: mode: shadow, in place of today\'s')
    .option('--name <scope>', 'name of the scope (default: the caller\'s, with -suggested behind it)')
    .option('--output <file>', 'write it there, whole or not at all, also into the folder of the callers file; > would empty the file before it is read')
    .option('--against <file>', 'instead: replay the log, of all callers or of --caller, against this callers file or folder; exit with 1 where anything that was allowed would be denied')
    .option('--json', 'an object')
    .addHelpText('after', help)
    .action(async (files: string[], { config, ...options }: Options) => {
      const args = { ...options, files, configNamed: config !== undefined, configFile: () => configFile(config === undefined ? {} : { config }, env) }
      done(await (await import('./suggest/suggest.ts')).suggestCommand(args, { stdin, stdout, stderr, env, now: Date.now }))
    })
}
