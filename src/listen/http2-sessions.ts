import type { Http2Session, ServerHttp2Session } from 'node:http2'

/**
 * The open HTTP/2 connections. One is idle when it has no stream: a quiet watch is
 * none the less a use, though no byte passes for hours.
 */
export class Http2Sessions {
  readonly #streams = new Map<Http2Session, number>()
  readonly #idleMs: number

  constructor(idleMs: number) {
    this.#idleMs = idleMs
  }

  add(session: ServerHttp2Session): void {
    this.#streams.set(session, 0)
    session.on('stream', (stream) => {
      this.#count(session, 1)
      stream.once('close', () => this.#count(session, -1))
    })
    session.setTimeout(this.#idleMs, () => { if (this.#streams.get(session) === 0) session.close() })
    // What a broken session does to its requests, each request sees for itself.
    session.on('error', () => {})
    session.once('close', () => this.#streams.delete(session))
  }

  #count(session: Http2Session, change: number): void {
    const open = this.#streams.get(session)
    if (open !== undefined) this.#streams.set(session, open + change)
  }

  /** GOAWAY: open streams finish, new ones go elsewhere. */
  closeAll(): void {
    for (const session of this.#streams.keys()) session.close()
  }
}
