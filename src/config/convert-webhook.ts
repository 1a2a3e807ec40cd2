import type { WebhookCredentialConfig, WebhookSinkConfig } from './config.ts'
import { convertCredential } from './convert-credential.ts'
import { milliseconds } from './converted.ts'
import type { WrittenConfig } from './schema.ts'

type Written = NonNullable<WrittenConfig['audit']['sinks'][number]['webhook']>

/** Checked, its units read, its paths absolute. */
export function convertWebhook(written: Written, absolute: (path: string) => string): WebhookSinkConfig {
  const { url, caFile, tlsServerName, credential, maxBatchSize, maxWait, bufferSize, initialBackoff, timeout, throttle } = written
  return {
    kind: 'webhook',
    url: url === undefined ? undefined : new URL(url).href,
    caFile: caFile === undefined ? undefined : absolute(caFile),
    tlsServerName: tlsServerName ?? undefined,
    // The schema lets through no other kinds.
    credential: credential === undefined ? undefined : convertCredential(credential, absolute) as WebhookCredentialConfig,
    maxBatchSize, bufferSize, throttle,
    maxWait: milliseconds(maxWait), initialBackoff: milliseconds(initialBackoff), timeout: milliseconds(timeout),
  }
}
