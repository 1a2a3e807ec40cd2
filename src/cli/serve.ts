import cluster from 'node:cluster'
import { build } from '../build.ts'
import type { Config } from '../config/config.ts'
import { createReload } from '../config/reload.ts'
import { podFolder as kubeletFolder } from '../credentials/pod.ts'
import { HeldSecrets } from '../credentials/held-secrets.ts'
import { FaultsError, formatFault } from '../files/fault.ts'
import { createLog } from '../log/log.ts'
import { createRedactor } from '../redaction/redact.ts'
import { announce } from '../wiring/announce.ts'
import { descriptorWarning } from '../wiring/descriptors.ts'
import { readPodNamespace } from '../wiring/pod-namespace.ts'
import { reportNeedsRestart, reportReload } from '../wiring/report-reload.ts'
import { countWorkers } from '../workers/count.ts'
import { runPrimary } from '../workers/primary.ts'
import { runWorker, type WorkerMachine } from '../workers/worker.ts'
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
  const machine = { env, podFolder, allowLoose }
  if (cluster.isWorker) return runWorker(machine)
  try {
    const { config, warnings } = await requireStartable(configFile, machine)
    for (const warning of warnings) await write(stderr, `${formatFault(warning)}\n`)
    const workers = await countWorkers(config.workers)
    if (workers === 1) await serve(config, machine)
    else await runPrimary(config, { workers, configFile, notice, allowLoose, env })
    return 0
  } catch (error) {
    const lines = error instanceof FaultsError ? error.faults.map(formatFault) : [`portcullis serve: ${messageOf(error)}`]
    await write(stderr, `${lines.join('\n')}\n`)
    return 1
  }
}

async function serve(config: Config, machine: WorkerMachine): Promise<void> {
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
      reportNeedsRestart(outcome.needsRestart, log)
    },
  })
  announce(portcullis, config, log)
  const signal = await stop
  log.info({ signal }, 'shutting down')
  reload.close()
  await portcullis.close({ notice })
  log.info({}, 'shut down')
}
