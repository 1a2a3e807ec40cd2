import type { Command } from 'commander'
import { addAuditCommands } from './audit-commands.ts'
import { addCallerCommands } from './caller-commands.ts'
import { addCanI } from './can-i-command.ts'
import { addKeyCommands } from './key-commands.ts'
import { addKubeconfig } from './kubeconfig-command.ts'
import { addSuggest } from './suggest-command.ts'
import { append, configFile, configOption, type Done, type Terminal, type WithConfig } from './terminal.ts'

const looseOption = ['--allow-loose-permissions', 'read credentials from files that every user of this machine may read'] as const

/** Every command; what it needs is imported when it is asked for. `done` is told the exit code: 0 done, 1 a "no" or a fault in what was given, 2 wrong usage. */
export function addCommands(program: Command, done: Done, terminal: Terminal = process): void {
  addServers(program, done, terminal)
  addChecks(program, done, terminal)
  addCallerCommands(program, done, terminal)
  addKeyCommands(program, done, terminal)
  addKubeconfig(program, done, terminal)
  addAccount(program, done, terminal)
  addAuditCommands(program, done, terminal)
  addSuggest(program, done, terminal)
}

function addServers(program: Command, done: Done, terminal: Terminal): void {
  const { stdout, stderr, env } = terminal
  program.command('serve')
    .description('run the proxy; in a pod and without a config file, for the cluster that it runs in')
    .option(...configOption)
    .option(...looseOption)
    .action(async (options: WithConfig & { allowLoosePermissions?: boolean }) => {
      const args = { configFile: await configFile(options, env), allowLoose: options.allowLoosePermissions === true }
      ended(await (await import('./serve.ts')).serveCommand(args, { stderr, env }), terminal, done)
    })

  program.command('demo')
    .description('run the proxy against an embedded sample cluster and print lines to try it with')
    .option('--port <port>', 'port of the proxy (default: 8443, or a free one)')
    .action(async ({ port }: { port?: string }) => ended(await (await import('./demo.ts')).demoCommand({ port }, { stdout, stderr, env }), terminal, done))

  program.command('healthcheck')
    .description('ask the admin listener of a proxy whether it is alive: for probes in containers without a shell')
    .option(...configOption)
    .option('--ready', 'whether it can serve: its config, credentials, clusters and audit')
    .option('--admin <url>', 'URL of the admin listener (default: that of the config, on this machine)')
    .action(async (options: WithConfig & { ready?: boolean, admin?: string }) => {
      // Without a file the admin listener is where it is by default.
      const file = await configFile(options, env).catch(() => undefined)
      leave(await (await import('./healthcheck.ts')).healthcheckCommand({ ...options, configFile: file }, { stderr }), terminal, done)
    })
}

/** A start that failed half-way may have left something open, a port even: the process ends with it. What it had to say is written. */
function ended(exitCode: number, terminal: Terminal, done: Done): void {
  done(exitCode)
  if (exitCode !== 0) terminal.exit(exitCode)
}

/** What was given up, a connection or a plugin, may still be under way: the process does not wait for it. What it had to say is written. */
function leave(exitCode: number, terminal: Terminal, done: Done): void {
  done(exitCode)
  terminal.exit(exitCode)
}

function addChecks(program: Command, done: Done, terminal: Terminal): void {
  const { stdin, stdout, stderr, env } = terminal
  program.command('check')
    .description('validate the config and the callers, warn of what reaches far, and list which escalation routes are open')
    .option(...configOption)
    .option('--strict', 'exit with 1 on warnings too')
    .option(...looseOption)
    .action(async (options: WithConfig & { strict?: boolean, allowLoosePermissions?: boolean }) => {
      const args = { configFile: await configFile(options, env), strict: options.strict === true, allowLoose: options.allowLoosePermissions === true }
      leave(await (await import('./check.ts')).checkCommand(args, { stdout, env, now: Date.now }), terminal, done)
    })

  program.command('explain')
    .description('how a request is read and judged, and why, as JSON')
    .argument('[method]', 'HTTP method; - alone reads JSON lines {caller?, method, url, …} and answers each with a line')
    .argument('[url]', 'path and query')
    .option(...configOption)
    .option('--caller <name>', 'judge for this caller')
    .action(async (method: string | undefined, url: string | undefined, options: WithConfig & { caller?: string }) => {
      const load = async () => (await import('./load-known.ts')).loadKnown(await configFile(options, env), env)
      done(await (await import('./explain.ts')).explainCommand({ caller: options.caller, method, url }, { load, stdin, stdout, stderr }))
    })

  addCanI(program, done, terminal)
}

/** Of the account that Portcullis itself has on a cluster. */
function addAccount(program: Command, done: Done, terminal: Terminal): void {
  const { stdout, stderr, env } = terminal
  program.command('token')
    .description('the credentials of Portcullis itself')
    .command('inspect')
    .description('whose the credential for each cluster is, until when, and how it renews; never the credential')
    .option(...configOption)
    .option('--cluster <name>', 'of this cluster alone')
    .option('--json', 'a list of objects')
    .option('--offline', 'do not ask the clusters whether they accept it')
    .option(...looseOption)
    .action(async (options: WithConfig & { cluster?: string, json?: boolean, offline?: boolean, allowLoosePermissions?: boolean }) => {
      const args = { ...options, configFile: await configFile(options, env), allowLoose: options.allowLoosePermissions === true }
      leave(await (await import('./token-inspect.ts')).tokenInspectCommand(args, { stdout, stderr, env, now: Date.now }), terminal, done)
    })

  program.command('rbac')
    .description('the least ClusterRole and Role manifests with which our own account can serve all callers of a cluster')
    .option(...configOption)
    .option('--cluster <name>', 'which cluster (default: the first)')
    .option('--service-account <namespace/name>', 'our own account (default: as the credential says, or portcullis/portcullis)')
    .option('--namespace <name>', 'a namespace that there is, for globs in scopes; may be given again', append, [])
    .action(async (options: WithConfig & { cluster?: string, serviceAccount?: string, namespace: string[] }) => {
      const { cluster, serviceAccount, namespace: namespaces } = options
      done(await (await import('./rbac.ts')).rbacCommand({ configFile: await configFile(options, env), cluster, serviceAccount, namespaces }, { stdout, stderr, env }))
    })
}
