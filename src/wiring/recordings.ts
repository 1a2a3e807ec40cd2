import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { HeldSecrets } from '../credentials/held-secrets.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { createRecordings, type ConfiguredRecordings } from '../recordings/create.ts'

export interface RecordingDeps {
  readonly log: Logger
  readonly metrics: Metrics
  readonly secrets: HeldSecrets
}

/** Recordings of sessions, in the folder of the config. */
export function wireRecordings({ audit }: Config, { log, metrics, secrets }: RecordingDeps): ConfiguredRecordings {
  const recordings = createRecordings({
    strict: audit.mode === 'blocking-strict',
    secrets: () => secrets.forms(),
    now: Date.now,
    elapsed: () => performance.now(),
    onDropped: events => metrics.auditDropped('recording', events),
    onError: err => log.error({ sink: 'recording', err }, 'a session recording has trouble'),
  })
  recordings.configure(audit.recordings)
  return recordings
}
