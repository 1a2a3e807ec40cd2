import type { PeerCertificate } from './identity.ts'

/** A request or an upgrade as it came in, before anything is believed about it. */
export interface Arrival {
  /** Ours, a UUID: goes upstream as `Audit-ID` and back to the caller. */
  readonly auditId: string
  /** Milliseconds since the epoch. */
  readonly receivedAt: number
  readonly method: string
  /** The request-target, byte for byte (HTTP/2: `:path`). */
  readonly target: string
  /** Name, value, name, value … in the order and case received; no HTTP/2 pseudo-headers. */
  readonly rawHeaders: readonly string[]
  readonly httpVersion: '1.0' | '1.1' | '2.0'
  /** True when the parser handed it over as an upgrade (HTTP/1.1 `Connection: upgrade`). */
  readonly upgrade: boolean
  /** The caller first, then the proxies it came through; the last is the socket's peer. */
  readonly sourceIPs: readonly string[]
  /** Of the connection's client, where it showed one that was good then. */
  readonly certificate?: PeerCertificate | undefined
}
