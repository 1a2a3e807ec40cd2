import { isIP } from 'node:net'
import type { ClientCertificate } from '../credentials/credential.ts'
import type { Agents } from './agents.ts'

/** For SNI and the certificate: `tlsServerName`, or the host of `server` (a URL); empty where that is an address, of which RFC 6066 §3 allows none. */
export function serverNameOf(server: string, tlsServerName: string | undefined): string {
  const host = new URL(server).hostname.replace(/^\[|\]$/g, '')
  return tlsServerName ?? (isIP(host) === 0 ? host : '')
}

interface Certified extends Agents {
  readonly certificate: ClientCertificate | undefined
}

/** A connection proves one identity for as long as it lives, so another certificate means other connections; what is open on the old ones goes on. */
export class CurrentAgents {
  readonly #make: (certificate: ClientCertificate | undefined) => Agents
  /** Retired, and something is open on them. */
  readonly #closing = new Map<Certified, Promise<unknown>>()
  #current: Certified | undefined

  constructor(make: (certificate: ClientCertificate | undefined) => Agents) {
    this.#make = make
  }

  under(certificate: ClientCertificate | undefined): Agents {
    if (this.#current !== undefined && isSame(this.#current.certificate, certificate)) return this.#current
    this.#retire()
    this.#current = { certificate, ...this.#make(certificate) }
    return this.#current
  }

  /** Lets what is open come to its end. */
  async close(): Promise<void> {
    this.#retire()
    await Promise.all(this.#closing.values())
  }

  /** Cuts what is open, on the retired ones too. */
  async destroy(): Promise<void> {
    this.#retire()
    await Promise.all([...this.#closing.keys()].map(agents => agents.destroy()))
  }

  #retire(): void {
    const agents = this.#current
    if (agents === undefined || this.#closing.has(agents)) return
    // Refuses what is new, and lets what is open come to its end.
    const closing = Promise.allSettled([agents.short.close(), agents.long.close(), agents.own.close()]).finally(() => this.#closing.delete(agents))
    this.#closing.set(agents, closing)
  }
}

function isSame(one: ClientCertificate | undefined, other: ClientCertificate | undefined): boolean {
  return one?.cert === other?.cert && one?.key === other?.key
}
