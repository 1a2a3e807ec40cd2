import cluster from 'node:cluster'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { build, type Portcullis } from '../build.ts'
import { exitOnCrash } from '../cli/crash.ts'
import { messageOf } from '../cli/output.ts'
import type { Config } from '../config/config.ts'
import { createReload } from '../config/reload.ts'
import { HeldSecrets } from '../credentials/held-secrets.ts'
import { FaultsError } from '../files/fault.ts'
import type { Watch } from '../files/watch.ts'
import { createLog } from '../log/log.ts'
import { createRedactor } from '../redaction/redact.ts'
import { readPodNamespace } from '../wiring/pod-namespace.ts'
import { reportReload } from '../wiring/report-reload.ts'
import type { BuildOptions, Shared } from '../wiring/rooms.ts'
import { Channel } from './channel.ts'
import type { Drain, Start, ToPrimary, ToWorker } from './messages.ts'
import { answerQuestions } from './questions.ts'
import { createRemoteLedger } from './remote-ledger.ts'
import { createRemoteSink } from './remote-sink.ts'

export interface WorkerMachine extends Pick<BuildOptions, 'env' | 'allowLoose'> {
  readonly podFolder: string
}

type ToPrimaryChannel = Channel<ToWorker, ToPrimary>

/** Milliseconds for what is open when the worker crashes, and for what is under way when the primary is gone. */
const lastWords = 500
const patienceAlone = 25_000

/**
 * One of several processes that serve, like a replica of its own: it follows the same files. What there
 * must be one of is the primary's. Runs until that says so, or is gone.
 */
export async function runWorker(machine: WorkerMachine): Promise<number> {
  // A terminal and systemd signal every process; when to end, and how long after the notice, is the primary's to say.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => {})
  const { worker: self } = cluster
  if (self === undefined) throw new Error('a worker has a primary')
  const channel: ToPrimaryChannel = new Channel(self)
  const start = await new Promise<Start>((resolve) => {
    channel.on('start', resolve)
    channel.send({ kind: 'ready' })
  })
  const secrets = new HeldSecrets()
  const redact = createRedactor(() => secrets.forms())
  const log = createLog({ level: start.config.log.level, redact, base: { worker: start.worker } })
  const order = toEnd(channel, log)
  try {
    const { portcullis, reload } = await serve(start, { machine, channel, secrets, log })
    // From here on the loss of the primary is no reason for node to end this process at once.
    self.exitedAfterDisconnect = true
    channel.send({ kind: 'listening', port: portcullis.port })
    const { notice, patience } = await order
    reload.close()
    await portcullis.close({ notice, patience })
  } catch (error) {
    channel.send({ kind: 'failed', message: redact(messageOf(error)), faults: error instanceof FaultsError ? error.faults : [] })
    await channel.flushed()
    return 1
  }
  await channel.flushed()
  if (process.connected) process.disconnect()
  return 0
}

/** When to end, and how: as the primary says, or because nothing new will come from one that is gone. */
function toEnd(channel: ToPrimaryChannel, log: Logger): Promise<Omit<Drain, 'kind'>> {
  return new Promise((resolve) => {
    const alone = () => {
      log.error({}, 'the primary is gone: shutting down')
      resolve({ notice: 0, patience: patienceAlone })
    }
    channel.onGone(alone)
    channel.on('drain', (order) => {
      channel.offGone(alone)
      resolve(order)
    })
  })
}

interface WorkerParts {
  readonly machine: WorkerMachine
  readonly channel: ToPrimaryChannel
  readonly secrets: HeldSecrets
  readonly log: Logger
}

async function serve(start: Start, { machine, channel, secrets, log }: WorkerParts): Promise<{ portcullis: Portcullis, reload: Watch }> {
  const podNamespace = await readPodNamespace(machine.podFolder)
  const portcullis = await build(ownConfig(start, start.config), { log, secrets, ...machine, podNamespace, shared: sharedBy(channel) })
  exitOnCrash(err => log.fatal({ err }, 'crashed'), () => Promise.race([portcullis.close({ patience: lastWords / 2 }), delay(lastWords)]))
  const reload = await createReload({
    started: start.config,
    async apply(next) {
      await portcullis.apply(ownConfig(start, next))
      channel.send({ kind: 'applied', config: next })
    },
    // What needs a restart the primary says, once.
    report: outcome => reportReload(outcome, log, 'config', portcullis.configReloaded),
  })
  return { portcullis, reload }
}

function sharedBy(channel: ToPrimaryChannel): Shared {
  return {
    sinks: [createRemoteSink({ channel })],
    ledger: createRemoteLedger({ channel }),
    admin({ checks, metrics }) {
      answerQuestions(channel, {
        checks: async () => ({ kind: 'checks', checks: await checks() }),
        metrics: async () => ({ kind: 'metrics', metrics: await metrics.values() }),
      })
      return { listen: () => Promise.resolve({ url: '', port: 0 }), close: () => Promise.resolve() }
    },
  }
}

/** The config as far as it is this worker's: a change of what needs a restart is for none, also where one begins after it. */
function ownConfig({ started, worker, workers, port }: Start, config: Config): Config {
  return {
    ...config,
    listen: port === 0 ? started.listen : { ...started.listen, port },
    audit: { ...config.audit, mode: started.audit.mode },
    limits: { ...config.limits, maxConnections: shareOf(config.limits.maxConnections, worker, workers) },
  }
}

/** What is for all together, in whole parts that add up to it; at least 1. `worker` counts from 1. */
function shareOf(all: number, worker: number, workers: number): number {
  return Math.max(1, Math.floor(all / workers) + (worker <= all % workers ? 1 : 0))
}
