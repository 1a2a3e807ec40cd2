import type { Logger } from 'pino'
import { createAudit, type PolicedAudit } from '../audit/create.ts'
import type { AuditPolicyOptions } from '../audit/policy.ts'
import { createFileSink } from '../audit/sinks/file.ts'
import type { Sink } from '../audit/sinks/sink.ts'
import { createStdoutSink } from '../audit/sinks/stdout.ts'
import { createChain } from '../audit-log/chain.ts'
import { createSign } from '../audit-log/chain-sign.ts'
import type { Config, SinkConfig } from '../config/config.ts'
import { secretVariablesOf } from '../config/references.ts'
import type { HeldSecrets } from '../credentials/held-secrets.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { openWebhook, type WebhookDeps } from './webhook.ts'

export interface AuditDeps {
  readonly log: Logger
  readonly metrics: Metrics
  readonly secrets: HeldSecrets
  readonly sinks: readonly Sink[]
  readonly policy: AuditPolicyOptions
  /** Told of every request that a caller was known for. */
  readonly onUsed: (caller: string, credentialId: string, at: number) => void
}

/** The audit log of the config; every request's end goes to the metrics as well. */
export function wireAudit(config: Config, { log, metrics, secrets, onUsed, sinks, policy }: AuditDeps): PolicedAudit {
  const { mode } = config.audit
  const audit = createAudit({
    sinks,
    mode,
    policy,
    now: Date.now,
    secrets: () => secrets.forms(),
    // Sinks hold lines for longer than that.
    gather: 10,
    onEnded: (arrival, facts, outcome, at) => {
      metrics.ended(arrival, facts, outcome, at)
      if (facts.caller !== undefined) onUsed(facts.caller.definition.name, facts.caller.credentialId, arrival.receivedAt)
    },
    onDropped: (sink, lines) => {
      metrics.auditDropped(sink, lines)
      log.error({ sink, lines }, 'audit lines were dropped')
    },
    onError: (sink, err) => log.error({ sink, err }, 'audit sink cannot write'),
    onRecovered: sink => log.info({ sink }, 'audit sink writes again'),
  })
  metrics.onScrape(() => audit.settle())
  return audit
}

export type SinkDeps = Omit<WebhookDeps, 'secretVariables'>

/** Those of the config. Rejects, naming the file, where a key to sign with, or a credential, cannot be had; nothing is open then. */
export async function openSinks(config: Config, deps: SinkDeps): Promise<Sink[]> {
  const opened = await Promise.allSettled(config.audit.sinks.map(sink => toSink(sink, config, deps)))
  const failed = opened.find(outcome => outcome.status === 'rejected')
  const sinks = opened.flatMap(outcome => outcome.status === 'fulfilled' ? [outcome.value] : [])
  if (failed === undefined) return sinks
  await Promise.all(sinks.map(sink => sink.close()))
  throw failed.reason
}

async function toSink(sink: SinkConfig, config: Config, deps: SinkDeps): Promise<Sink> {
  switch (sink.kind) {
    case 'stdout': return createStdoutSink()
    case 'file': {
      const { signingKeyFile, ...file } = sink
      const sign = signingKeyFile === undefined ? undefined : await createSign(signingKeyFile, deps)
      return createFileSink({ ...file, chain: createChain(), sign })
    }
    case 'webhook': return openWebhook(sink, config.audit.mode, { ...deps, secretVariables: secretVariablesOf(config) })
  }
}
