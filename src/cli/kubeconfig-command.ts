import type { Command } from 'commander'
import { defaultConfigFile } from '../config/default-file.ts'
import type { Terminal } from './terminal.ts'
import { kubeconfigCommand, type KubeconfigArgs } from './kubeconfig.ts'

type Options = Omit<KubeconfigArgs, 'configFile' | 'caller'> & { readonly config?: string }

export function addKubeconfig(program: Command, done: (exitCode: number) => void, { stdin, stdout, stderr, env }: Terminal): void {
  program.command('kubeconfig')
    .description('print a kubeconfig for kubectl and oc, by which a caller reaches a cluster through the proxy')
    .argument('<caller>')
    .requiredOption('--server <url>', 'URL of the proxy, https://…')
    .option('--cluster <name>', 'which cluster (default: the first)')
    .option('--key-file <file>', 'file with the caller\'s key, - is stdin (default: a kubeconfig without a key)')
    .option('--certificate-authority <file>', 'CA of the proxy\'s certificate (default: what listen.tls.certFile shows)')
    .option('-n, --namespace <name>', 'namespace of the context (default: the first that the caller\'s rules name)')
    .option('--config <file>', 'config file (default: ./portcullis.yaml, then /etc/portcullis/portcullis.yaml)')
    .action(async (caller: string, { config, ...options }: Options) => {
      const configFile = config ?? await defaultConfigFile(env)
      done(await kubeconfigCommand({ ...options, configFile, caller }, { stdin, stdout, stderr, env, now: Date.now }))
    })
}
