import type { IncomingMessage } from 'node:http'
import { headerValue } from '../headers/read.ts'
import { subprotocols } from '../headers/subprotocol.ts'
import type { Admitted } from '../model/admitted.ts'
import type { Trail } from '../model/trail.ts'
import { PortWatch } from '../protocols/port-watch.ts'
import type { Recording, Recordings } from '../recordings/recordings.ts'
import type { UpgradeKind } from './protocol.ts'
import type { Tap } from './splice.ts'

export interface OnRecordOptions {
  readonly admitted: Admitted
  readonly kind: UpgradeKind
  readonly trail: Trail
  readonly recordings: Recordings
  /** The session must not go on. */
  readonly onLost: () => void
}

/** What goes on record of a tunnel beside its end: the bytes of its caller, the ports that it asks for, and all of it where the policy says so. */
export class OnRecord implements Tap {
  readonly #options: OnRecordOptions
  readonly #received = { bytes: 0 }
  readonly #recording: Recording | undefined
  #ports: PortWatch | undefined

  private constructor(options: OnRecordOptions, recording: Recording | undefined) {
    this.#options = options
    this.#recording = recording
  }

  /** Before anything goes upstream. Rejects with ProxyError AuditUnavailable where a recording must be and cannot. */
  static async open(options: OnRecordOptions): Promise<OnRecord> {
    const { admitted, trail, recordings, onLost } = options
    const recorded = isTerminalSession(admitted) && trail.recordsSession()
    return new OnRecord(options, recorded ? await recordings.open(admitted, onLost) : undefined)
  }

  /** The API server has switched. Throws ProxyError AuditUnavailable where what is spoken must be recorded and cannot. */
  begin({ rawHeaders }: IncomingMessage): void {
    const { admitted, kind, trail } = this.#options
    const [subprotocol = ''] = subprotocols(rawHeaders)
    trail.note({ received: this.#received })
    if (admitted.resolved.attributes.subresource === 'portforward') this.#ports = new PortWatch(kind, subprotocol)
    this.#recording?.begin(kind === 'spdy' ? { kind } : { kind, subprotocol, extensions: headerValue(rawHeaders, 'sec-websocket-extensions') ?? '' })
  }

  fromCaller(chunk: Buffer): void {
    this.#received.bytes += chunk.length
    this.#ports?.fromCaller(chunk)
    this.#recording?.fromCaller(chunk)
  }

  fromUpstream(chunk: Buffer): void {
    this.#recording?.fromUpstream(chunk)
  }

  /** The session is over. */
  async end(): Promise<void> {
    const recording = await this.#recording?.end()
    const ports = this.#ports?.ports ?? []
    if (recording === undefined && ports.length === 0) return
    this.#options.trail.note({ session: { ...ports.length === 0 ? {} : { ports }, ...recording === undefined ? {} : { recording } } })
  }

  /** It never was one. */
  async discard(): Promise<void> {
    await this.#recording?.discard()
  }
}

/** Of what a port-forward carries nobody could see what it was. */
function isTerminalSession({ resolved: { attributes } }: Admitted): boolean {
  const { isResourceRequest, apiGroup, resource, subresource } = attributes
  return isResourceRequest && apiGroup === '' && resource === 'pods' && (subresource === 'exec' || subresource === 'attach')
}
