import type { Logger } from 'pino'
import { createAudit, type PolicedAudit } from '../audit/create.ts'
import type { AuditPolicyOptions } from '../audit/policy.ts'
import { createFileSink } from '../audit/sinks/file.ts'
import type { Sink } from '../audit/sinks/sink.ts'
import { createStdoutSink } from '../audit/sinks/stdout.ts'
import { createChain } from '../audit-log/chain.ts'
import { createSign } from '../audit-log/chain-sign.ts'
import type { Config, SinkConfig } from '../config/config.ts'
import type { SecretOptions } from '../files/secret.ts'
import type { HeldSecrets } from '../credentials/held-secrets.ts'
import type { Metrics } from '../metrics/metrics.ts'

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
  return createAudit({
    sinks,
    mode,
    policy,
    now: Date.now,
    secrets: () => secrets.forms(),
    onEnded: (arrival, facts, outcome) => {
      metrics.ended(arrival, facts, outcome)
      if (facts.caller !== undefined) onUsed(facts.caller.definition.name, facts.caller.credentialId, arrival.receivedAt)
    },
    onDropped: (sink, lines) => {
      metrics.auditDropped(sink, lines)
      log.error({ sink, lines }, 'audit lines were dropped')
    },
    onError: (sink, err) => log.error({ sink, err }, 'audit sink cannot write'),
  })
}

/** Those of the config. Rejects, naming the file, where a key to sign with cannot be had. */
export function openSinks({ audit: { sinks } }: Config, options: SecretOptions): Promise<Sink[]> {
  return Promise.all(sinks.map(sink => toSink(sink, options)))
}

async function toSink(config: SinkConfig, options: SecretOptions): Promise<Sink> {
  switch (config.kind) {
    case 'stdout': return createStdoutSink()
    case 'file': {
      const { signingKeyFile, ...file } = config
      const sign = signingKeyFile === undefined ? undefined : await createSign(signingKeyFile, options)
      return createFileSink({ ...file, chain: createChain(), sign })
    }
  }
}
