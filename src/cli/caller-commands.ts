import type { Command } from 'commander'
import type { CallerAddArgs } from './caller-add.ts'
import { append, configFile, configOption, type Done, type Terminal, type WithConfig } from './terminal.ts'

interface WithJson extends WithConfig { readonly json?: boolean }

/** Who may use the proxy, and what for. */
export function addCallerCommands(program: Command, done: Done, terminal: Terminal): void {
  const { stdout, stderr, env } = terminal
  const deps = { stdout, stderr, env, now: Date.now }
  const caller = program.command('caller').description('who may use the proxy')
  addAdd(caller, done, terminal)

  caller.command('list')
    .description('every caller: scopes, clusters, how many keys')
    .option(...configOption)
    .option('--json', 'a list of objects')
    .action(async (options: WithJson) => done(await (await import('./caller-list.ts')).callerListCommand({ ...options, configFile: await configFile(options, env) }, deps)))

  caller.command('show')
    .description('what a caller may do, in words; its keys and limits')
    .argument('<name>')
    .option(...configOption)
    .option('--json', 'an object')
    .action(async (name: string, options: WithJson) => done(await (await import('./caller-show.ts')).callerShowCommand({ ...options, name, configFile: await configFile(options, env) }, deps)))

  const scope = program.command('scope').description('rules under a name')
  scope.command('list')
    .description('every scope: how many rules, how many callers hold it')
    .option(...configOption)
    .option('--json', 'a list of objects')
    .action(async (options: WithJson) => done(await (await import('./scopes.ts')).scopeListCommand({ ...options, configFile: await configFile(options, env) }, deps)))

  scope.command('show')
    .description('what a scope allows, in words, and who holds it')
    .argument('<name>')
    .option(...configOption)
    .option('--json', 'an object')
    .action(async (name: string, options: WithJson) => done(await (await import('./scopes.ts')).scopeShowCommand({ ...options, name, configFile: await configFile(options, env) }, deps)))
}

function addAdd(caller: Command, done: Done, { stdout, stderr, env }: Terminal): void {
  caller.command('add')
    .description('add a caller, which has no key yet')
    .argument('<name>')
    .option(...configOption)
    .option('--scope <scope>', 'a scope it holds, NAME or NAME:NAMESPACE,…; may be given again', append, [])
    .option('--cluster <name>', 'a cluster it may use (default: every one); may be given again', append, [])
    .option('--allowed-from <cidr>', 'where it comes from (default: anywhere); may be given again', append, [])
    .option('--description <text>', 'for people')
    .option('--requests-per-second <number>', 'on average')
    .option('--burst <number>', 'requests at once, before the rate holds (default: as many as a second allows)')
    .option('--in-flight <number>', 'requests at a time that are not long-running')
    .option('--streams <number>', 'watches, logs, tunnels and the like at a time')
    .option('--file <file>', 'the callers file it goes into; may be a new one in the folder (default: the first that has callers)')
    .action(async (name: string, options: WithConfig & Omit<CallerAddArgs, 'configFile' | 'name'>) => {
      done(await (await import('./caller-add.ts')).callerAddCommand({ ...options, name, configFile: await configFile(options, env) }, { stdout, stderr, env, now: Date.now }))
    })
}
