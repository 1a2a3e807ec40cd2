import type { Command } from 'commander'
import type { CanIArgs } from './can-i.ts'
import { configFile, configOption, type Done, type Terminal, type WithConfig } from './terminal.ts'

type Options = Omit<CanIArgs, 'verb' | 'resource'> & WithConfig

export function addCanI(program: Command, done: Done, { stdout, stderr, env }: Terminal): void {
  program.command('can-i')
    .description('whether a caller may do something: yes or no, with the rule; or all that it may')
    .argument('[verb]', 'get, list, watch, create, update, patch, delete, …')
    .argument('[resource]', 'RESOURCE[.GROUP][/NAME], or a path that begins with /')
    .requiredOption('--caller <name>', 'who')
    .option(...configOption)
    .option('-n, --namespace <name>', 'namespace; without one: cluster-scoped, or all namespaces')
    .option('-A, --all-namespaces', 'over all namespaces, whatever -n says')
    .option('--subresource <name>', 'as in log, exec, scale')
    .option('--cluster <name>', 'which cluster (default: the first)')
    .option('--list', 'all that it may do there, as kubectl auth can-i --list prints it')
    .option('-q, --quiet', 'the exit code alone')
    .option('--json', 'the verdict, or the list, as JSON')
    .action(async (verb: string | undefined, resource: string | undefined, options: Options) => {
      const load = async () => (await import('./load-known.ts')).loadKnown(await configFile(options, env), env)
      done(await (await import('./can-i.ts')).canICommand({ verb, resource, ...options }, { load, stdout, stderr }))
    })
}
