import type { Command } from 'commander'
import type { KubeconfigArgs } from './kubeconfig.ts'
import { configFile, configOption, type Done, type Terminal, type WithConfig } from './terminal.ts'

type Options = Omit<KubeconfigArgs, 'configFile' | 'caller'> & WithConfig

export function addKubeconfig(program: Command, done: Done, { stdin, stdout, stderr, env }: Terminal): void {
  program.command('kubeconfig')
    .description('print a kubeconfig for kubectl and oc, by which a caller reaches a cluster through the proxy')
    .argument('<caller>')
    .requiredOption('--server <url>', 'URL of the proxy, https://…')
    .option('--cluster <name>', 'which cluster (default: the first)')
    .option('--key-file <file>', 'file with the caller\'s key, - is stdin (default: a kubeconfig without a key)')
    .option('--certificate-authority <file>', 'CA of the proxy\'s certificate (default: what listen.tls.certFile shows)')
    .option('-n, --namespace <name>', 'namespace of the context (default: the first that the caller\'s rules name)')
    .option(...configOption)
    .action(async (caller: string, options: Options) => {
      done(await (await import('./kubeconfig.ts')).kubeconfigCommand({ ...options, configFile: await configFile(options, env), caller }, { stdin, stdout, stderr, env, now: Date.now }))
    })
}
