import type { Collector } from '../audit/sinks/webhook.ts'
import { createWebhookSink } from '../audit/sinks/webhook.ts'
import type { Sink } from '../audit/sinks/sink.ts'
import { createAgents } from '../clusters/agents.ts'
import { CurrentAgents, serverNameOf } from '../clusters/current-agents.ts'
import type { Config, WebhookSinkConfig } from '../config/config.ts'
import type { Presented } from '../credentials/credential.ts'
import { makeCredential, type CredentialDeps } from './credentials.ts'
import { readEndpoint } from './endpoint.ts'

export type WebhookDeps = Pick<CredentialDeps, 'log' | 'secrets' | 'env' | 'allowLoose' | 'secretVariables'>

/** Milliseconds: how long a new connection may take, and the pauses where requests wait for the events. */
const connectWithin = 5_000
const firstPause = 500
const longestPause = 60_000

/** Rejects, naming what is missing and repeating no secret, where it or its credential cannot be had. */
export async function openWebhook(config: WebhookSinkConfig, mode: Config['audit']['mode'], deps: WebhookDeps): Promise<Sink> {
  const { maxBatchSize, bufferSize, maxWait, initialBackoff, timeout, throttle } = config
  const sizes = { collector: await openCollector(config, deps), timeout, maxBatchLines: maxBatchSize, maxHeldLines: bufferSize }
  if (mode === 'batch') {
    return createWebhookSink({ ...sizes, wait: maxWait, throttle, backOff: { first: initialBackoff, last: Math.max(initialBackoff, longestPause) } })
  }
  // Nobody is to be kept waiting, or refused, for longer than it is down.
  return createWebhookSink({ ...sizes, longestWait: initialBackoff, backOff: { first: Math.min(firstPause, initialBackoff), last: initialBackoff } })
}

async function openCollector(config: WebhookSinkConfig, deps: WebhookDeps): Promise<Collector> {
  const { url, timeout } = config
  const reading = await readEndpoint({ ...config, server: url }, deps)
  const timeouts = { connect: Math.min(connectWithin, timeout), response: timeout }
  const credential = config.credential === undefined ? undefined
    : await makeCredential(config.credential, { ...deps, ...reading, cluster: { name: 'audit webhook', timeouts }, patient: true })
  const { server, ca, tlsServerName } = reading.endpoint
  const { origin, pathname } = new URL(server)
  const servername = serverNameOf(server, tlsServerName)
  const connections = new CurrentAgents(certificate => createAgents({ origin, ca, servername, timeouts, certificate }))
  return {
    origin,
    path: pathname,
    present: () => credential?.present() ?? nobody,
    renew: rejected => credential?.renew(rejected) ?? Promise.resolve(false),
    dispatcher: ({ certificate }) => connections.under(certificate).own,
    async close() {
      credential?.close()
      await connections.destroy()
    },
  }
}

const nobody: Presented = { authorization: undefined, certificate: undefined }
