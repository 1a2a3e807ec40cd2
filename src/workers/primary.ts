import type { Logger } from 'pino'
import { exitOnCrash } from '../cli/crash.ts'
import { messageOf } from '../cli/output.ts'
import { stopSignal } from '../cli/stop-signal.ts'
import type { Sink } from '../audit/sinks/sink.ts'
import type { Config } from '../config/config.ts'
import { createReload } from '../config/reload.ts'
import { HeldSecrets } from '../credentials/held-secrets.ts'
import { createLedger } from '../limits/ledger.ts'
import { createAdminServer, type Check } from '../listen/admin.ts'
import { createLog } from '../log/log.ts'
import { createPrimaryMetrics, MergedValues, type PrimaryMetrics } from '../metrics/primary.ts'
import { createRedactor } from '../redaction/redact.ts'
import { scheduleUnreferenced } from '../schedule.ts'
import { announce } from '../wiring/announce.ts'
import { openSinks } from '../wiring/audit.ts'
import { descriptorWarning } from '../wiring/descriptors.ts'
import { reportNeedsRestart } from '../wiring/report-reload.ts'
import { createAuditDesk, type AuditDesk } from './audit-desk.ts'
import type { Channel } from './channel.ts'
import { foldChecks } from './fold-checks.ts'
import { createFork } from './fork.ts'
import { createLedgerDesk, type LedgerDesk } from './ledger-desk.ts'
import type { ToPrimary, ToWorker } from './messages.ts'
import { createQuestions, type Ask } from './questions.ts'
import { Supervisor } from './supervisor.ts'

export interface PrimaryOptions {
  readonly workers: number
  /** As the command was told. */
  readonly configFile: string
  /** Milliseconds between `/readyz` failing and the end of new requests. */
  readonly notice: number
  /** Read the key of the audit log, and the credential of its webhook, though every user of the machine may. */
  readonly allowLoose: boolean
  readonly env: NodeJS.ProcessEnv
}

/** Milliseconds: all answers of `/readyz` are wanted within two seconds. */
const questionPatience = 1_800
const drainPatience = 25_000

/**
 * The process that keeps the workers running. It serves nothing itself and holds no credential for a cluster; it has what there must
 * be one of: the admin listener, the audit sinks, the ledger of the limits. Runs until SIGTERM or SIGINT. Rejects, and
 * leaves no worker, where one could not start.
 */
export async function runPrimary(config: Config, { workers, configFile, notice, allowLoose, env }: PrimaryOptions): Promise<void> {
  const secrets = new HeldSecrets()
  const log = createLog({ level: config.log.level, redact: createRedactor(() => secrets.forms()) })
  exitOnCrash(err => log.fatal({ err }, 'crashed'))
  const tooFew = await descriptorWarning(config.limits.maxConnections, workers)
  if (tooFew !== undefined) log.warn({}, tooFew)
  const parts = createParts(await openSinks(config, { log, secrets, env, allowLoose }), log)
  const live = { config, draining: false }
  const supervisor = new Supervisor({
    workers,
    fork: createFork(['--config', configFile]),
    startOf: (worker, port) => ({ kind: 'start', worker, workers, started: config, config: live.config, port }),
    attach(worker, channel) {
      attach(worker, channel, parts)
      // As a worker has it in force: one that is refused keeps no replacement from its start.
      channel.on('applied', ({ config }) => { live.config = config })
    },
    died: worker => { for (const part of [parts.audit, parts.ledger, parts.values]) part.died(worker) },
    onRestart: () => parts.metrics.workerRestarted(),
    log, schedule: scheduleUnreferenced, now: () => performance.now(),
  })
  const stop = stopSignal(log, () => supervisor.kill())
  const admin = createAdminServer({
    ...config.admin, log, draining: () => live.draining,
    checks: () => checksOf(supervisor, parts),
    metrics: { render: () => renderMetrics(supervisor, parts) },
  })
  const { url } = await admin.listen()
  const reload = await followConfig(config, log)
  // Whoever stops it in the middle of its start need not wait for that.
  const port = await Promise.race([supervisor.start(), stop.then(() => undefined)])
  if (port !== undefined) announce({ port, admin: { url } }, config, log)
  log.info({ signal: await stop }, 'shutting down')
  live.draining = true
  reload.close()
  await supervisor.drain({ notice, patience: drainPatience })
  await parts.audit.close()
  await admin.close()
  log.info({}, 'shut down')
}

/** What all workers share. */
interface Parts {
  readonly audit: AuditDesk
  readonly ledger: LedgerDesk
  readonly metrics: PrimaryMetrics
  readonly values: MergedValues
  /** The way to ask each worker. */
  readonly asks: Map<number, Ask>
}

function createParts(sinks: readonly Sink[], log: Logger): Parts {
  const metrics = createPrimaryMetrics()
  const audit = createAuditDesk({
    sinks,
    now: Date.now,
    onDropped(sink, lines) {
      metrics.auditDropped(sink, lines)
      log.error({ sink, lines }, 'audit lines were dropped')
    },
    onError: (sink, err) => log.error({ sink, err }, 'audit sink cannot write'),
    onRecovered: sink => log.info({ sink }, 'audit sink writes again'),
  })
  const ledger = createLedgerDesk(createLedger({ now: () => performance.now() }))
  return { audit, ledger, metrics, values: new MergedValues(), asks: new Map() }
}

function attach(worker: number, channel: Channel<ToPrimary, ToWorker>, { audit, ledger, asks }: Parts): void {
  asks.set(worker, createQuestions(channel, questionPatience))
  channel.on('audit', ({ id, ...batch }) => {
    const taken = audit.take(worker, batch) ?? Promise.resolve()
    taken.then(() => channel.send({ kind: 'audited', id }), (error: unknown) => channel.send({ kind: 'audited', id, error: messageOf(error) }))
  })
  channel.on('ledger', (turn) => {
    const answers = ledger.take(worker, turn)
    if (answers.length > 0) channel.send({ kind: 'answers', answers })
  })
}

async function checksOf(supervisor: Supervisor, { audit, asks }: Parts): Promise<Check[]> {
  const all = await Promise.all(supervisor.workers().map(async ({ worker, channel }) => {
    return { worker, checks: channel === undefined ? undefined : (await asks.get(worker)?.('checks'))?.checks }
  }))
  const checks = foldChecks(all)
  return audit.healthy() ? checks : [...checks.filter(({ name }) => name !== 'audit'), { name: 'audit', ok: false, message: 'a sink cannot write' }]
}

async function renderMetrics(supervisor: Supervisor, { metrics, values, asks }: Parts): ReturnType<PrimaryMetrics['render']> {
  const answered = await Promise.all(supervisor.workers().map(async ({ worker, channel }) => {
    const told = channel === undefined ? undefined : await asks.get(worker)?.('metrics')
    // Who died meanwhile has been counted among the dead.
    if (told === undefined || channel?.open !== true) return []
    values.answered(worker, told.metrics)
    return [worker]
  }))
  return metrics.render(await values.all(answered.flat()))
}

/** Workers follow the config themselves, and say what is wrong with it; here it is for our own log, and for what needs a restart of all. */
function followConfig(started: Config, log: Logger) {
  return createReload({
    started,
    apply: next => { log.level = next.log.level },
    report: outcome => { if (outcome.ok) reportNeedsRestart(outcome.needsRestart, log) },
  })
}
