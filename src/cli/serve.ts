import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build, type BuildOptions, type Portcullis } from '../build.ts'
import type { Config } from '../config/config.ts'
import { createReload } from '../config/reload.ts'
import { podFolder as kubeletFolder } from '../credentials/in-cluster.ts'
import { HeldSecrets } from '../credentials/held-secrets.ts'
import { FaultsError, formatFault } from '../files/fault.ts'
import { createLog } from '../log/log.ts'
import { createRedactor } from '../redaction/redact.ts'
import { descriptorWarning } from '../wiring/descriptors.ts'
import { reportReload } from '../wiring/report-reload.ts'
import { exitOnCrash } from './crash.ts'
import { messageOf, write, type Output } from './output.ts'
import { requireStartable } from './startable.ts'
import { stopSignal } from './stop-signal.ts'

export interface ServeArgs {
  readonly configFile: string
  /** Read credentials though every user of this machine may. */
  readonly allowLoose?: boolean
}

export interface ServeDeps {
  readonly stderr: Output
  readonly env: NodeJS.ProcessEnv
  /** Default: where the kubelet puts what a pod needs. */
  readonly podFolder?: string
}

/** Milliseconds between `/readyz` failing and the end of new requests. */
const notice = 1000

/** `portcullis serve`: runs until SIGTERM or SIGINT, then drains. Exit code 1 where it could not start. */
export async function serveCommand({ configFile, allowLoose = false }: ServeArgs, { stderr, env, podFolder = kubeletFolder }: ServeDeps): Promise<number> {
  try {
    const machine = { env, podFolder, allowLoose }
    const { config, warnings } = await requireStartable(configFile, machine)
    for (const warning of warnings) await write(stderr, `${formatFault(warning)}\n`)
    await serve(config, machine)
    return 0
  } catch (error) {
    const lines = error instanceof FaultsError ? error.faults.map(formatFault) : [`portcullis serve: ${messageOf(error)}`]
    await write(stderr, `${lines.join('\n')}\n`)
    return 1
  }
}

async function serve(config: Config, machine: Pick<BuildOptions, 'env' | 'allowLoose'> & { readonly podFolder: string }): Promise<void> {
  const secrets = new HeldSecrets()
  const log = createLog({ level: config.log.level, redact: createRedactor(() => secrets.forms()) })
  exitOnCrash(err => log.fatal({ err }, 'crashed'))
  const stop = stopSignal(log)
  const tooFew = await descriptorWarning(config.limits.maxConnections)
  if (tooFew !== undefined) log.warn({}, tooFew)
  const portcullis = await build(config, { log, secrets, ...machine, podNamespace: await readPodNamespace(machine.podFolder) })
  const reload = await createReload({
    started: config,
    apply: portcullis.apply,
    report: (outcome) => {
      reportReload(outcome, log, 'config', portcullis.configReloaded)
      if (outcome.needsRestart !== undefined && outcome.needsRestart.length > 0) {
        log.warn({ sections: outcome.needsRestart }, 'config changed where only a restart helps: needs restart')
      }
    },
  })
  announce(portcullis, config, log)
  const signal = await stop
  log.info({ signal }, 'shutting down')
  reload.close()
  await portcullis.close({ notice })
  log.info({}, 'shut down')
}

function announce({ port, admin }: Portcullis, { listen }: Config, log: ReturnType<typeof createLog>): void {
  const scheme = listen.tls === undefined ? 'http' : 'https'
  log.info({ url: `${scheme}://${listen.host}:${port}`, admin: admin.url }, 'listening')
}

/** The namespace of the pod's service account; undefined outside of a pod. */
async function readPodNamespace(podFolder: string): Promise<string | undefined> {
  const text = await readFile(join(podFolder, 'namespace'), 'utf8').catch(() => '')
  return text.trim() === '' ? undefined : text.trim()
}
