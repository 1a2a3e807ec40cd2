import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'

/**
 * The open HTTP/2 connections. One is idle when it has no stream: a quiet watch is
 * none the less a use, though no byte passes for hours.
 */
export class Http2Sessions {
  readonly #open = new Set<ServerHttp2Session>()
  readonly #idleMs: number

  constructor(idleMs: number) {
    this.#idleMs = idleMs
  }

  add(session: ServerHttp2Session): void {
    this.#open.add(session)
    const use: Use = { streams: 0 }
    session.on('stream', (stream) => {
      use.streams += 1
      ;(stream as UsingStream)[used] = use
      stream.on('close', letGo)
    })
    session.setTimeout(this.#idleMs, () => { if (use.streams === 0) session.close() })
    // What a broken session does to its requests, each request sees for itself.
    session.on('error', () => {})
    session.once('close', () => this.#open.delete(session))
  }

  /** GOAWAY: open streams finish, new ones go elsewhere. */
  closeAll(): void {
    for (const session of this.#open) session.close()
  }
}

/** Of one connection. */
interface Use {
  streams: number
}

const used = Symbol('used')

/** The symbol spares every stream a closure. */
interface UsingStream extends ServerHttp2Stream {
  [used]: Use
}

function letGo(this: ServerHttp2Stream): void {
  (this as UsingStream)[used].streams -= 1
}
