import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { configFile, configOption, type Done, type Terminal, type WithConfig } from './terminal.ts'

/** Keys as callers have them: made, listed, ended. */
export function addKeyCommands(program: Command, done: Done, { stdin, stdout, stderr, env }: Terminal): void {
  const deps = { stdin, stdout, stderr, env, now: Date.now, random: (bytes: number) => randomBytes(bytes) }
  const key = program.command('key').description('API keys')

  key.command('create')
    .description('make a key for a caller: printed once, on stdout alone')
    .argument('<caller>')
    .option(...configOption)
    .option('--expires <duration>', 'as in 12h or 90d (default: never)')
    .action(async (caller: string, options: WithConfig & { expires?: string }) => {
      done(await (await import('./key-create.ts')).keyCreateCommand({ configFile: await configFile(options, env), caller, expires: options.expires }, deps))
    })

  key.command('list')
    .description('every key: whose it is, since when and until when, when it was last used')
    .option(...configOption)
    .option('--caller <name>', 'of this caller alone')
    .option('--json', 'a list of objects')
    .action(async (options: WithConfig & { caller?: string, json?: boolean }) => {
      done(await (await import('./key-list.ts')).keyListCommand({ ...options, configFile: await configFile(options, env) }, deps))
    })

  key.command('revoke')
    .description('end a key now, and every stream that it opened')
    .argument('<id>', 'the 8 characters between the key\'s underscores; - reads them, or the key itself, from stdin')
    .option(...configOption)
    .action(async (id: string, options: WithConfig) => {
      done(await (await import('./key-revoke.ts')).keyRevokeCommand({ configFile: await configFile(options, env), id }, deps))
    })

  key.command('rotate')
    .description('make one more key for a caller, and give the others an end')
    .argument('<caller>')
    .option(...configOption)
    .option('--overlap <duration>', 'how long the others go on, as in 30m or 24h', '24h')
    .option('--expires <duration>', 'of the new key, as in 90d, or never (default: the life of the newest one)')
    .action(async (caller: string, options: WithConfig & { overlap: string, expires?: string }) => {
      done(await (await import('./key-rotate.ts')).keyRotateCommand({ ...options, configFile: await configFile(options, env), caller }, deps))
    })
}
