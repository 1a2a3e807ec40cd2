import { isIP } from 'node:net'
import type { Collector } from '../audit/sinks/webhook.ts'
import { createWebhookSink } from '../audit/sinks/webhook.ts'
import type { Sink } from '../audit/sinks/sink.ts'
import { createAgents, type Agents } from '../clusters/agents.ts'
import type { Config, WebhookSinkConfig } from '../config/config.ts'
import type { ClientCertificate, Presented } from '../credentials/credential.ts'
import { makeCredential, type CredentialDeps } from './credentials.ts'
import { readEndpoint, type Endpoint } from './endpoint.ts'

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
  const { origin, pathname } = new URL(reading.endpoint.server)
  const connections = new Connections(reading.endpoint, timeouts)
  return {
    origin,
    path: pathname,
    present: () => credential?.present() ?? nobody,
    renew: rejected => credential?.renew(rejected) ?? Promise.resolve(false),
    dispatcher: ({ certificate }) => connections.under(certificate).short,
    async close() {
      credential?.close()
      await connections.destroy()
    },
  }
}

const nobody: Presented = { authorization: undefined, certificate: undefined }

/** A connection proves one identity for as long as it lives, so another certificate means other connections. */
class Connections {
  readonly #endpoint: Endpoint
  readonly #timeouts: { readonly connect: number, readonly response: number }
  #agents: Agents | undefined
  #certificate: ClientCertificate | undefined

  constructor(endpoint: Endpoint, timeouts: { readonly connect: number, readonly response: number }) {
    this.#endpoint = endpoint
    this.#timeouts = timeouts
  }

  under(certificate: ClientCertificate | undefined): Agents {
    if (this.#agents !== undefined && isSame(certificate, this.#certificate)) return this.#agents
    // One POST at a time: nothing is under way on those of before.
    void this.#agents?.destroy()
    const { server, ca, tlsServerName } = this.#endpoint
    const host = new URL(server).hostname.replace(/^\[|\]$/g, '')
    this.#certificate = certificate
    this.#agents = createAgents({ ca, servername: tlsServerName ?? (isIP(host) === 0 ? host : ''), timeouts: this.#timeouts, certificate })
    return this.#agents
  }

  async destroy(): Promise<void> {
    await this.#agents?.destroy()
  }
}

function isSame(one: ClientCertificate | undefined, other: ClientCertificate | undefined): boolean {
  return one?.cert === other?.cert && one?.key === other?.key
}
