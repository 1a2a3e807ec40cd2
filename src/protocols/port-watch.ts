import { mostBlocks } from './spdy-headers.ts'
import { SpdyReader } from './spdy-reader.ts'
import { WebSocketReader } from './websocket-reader.ts'

/** Since 1.31 kubectl carries its SPDY within a WebSocket (k8s.io/apimachinery pkg/util/portforward). */
const tunnelled = 'SPDY/3.1+portforward.k8s.io'

/**
 * Which ports a port-forward's own streams ask for, where that can be told: by SPDY, also within a
 * WebSocket. Gives up on what it cannot read, and after
 * 100 streams (two a connection), whatever their ports; never throws.
 */
export class PortWatch {
  readonly ports: number[] = []
  #push: ((chunk: Buffer) => void) | undefined
  #openings = 0

  constructor(kind: 'websocket' | 'spdy', subprotocol: string) {
    const spdy = new SpdyReader({ data() {}, opened: (_stream, headers) => this.#opened(headers.get('port') ?? '') })
    const webSocket = new WebSocketReader(({ data }) => spdy.push(data))
    if (kind === 'spdy') this.#push = chunk => spdy.push(chunk)
    else if (subprotocol === tunnelled) this.#push = chunk => webSocket.push(chunk)
  }

  fromCaller(chunk: Buffer): void {
    try {
      this.#push?.(chunk)
    } catch {
      this.#push = undefined
    }
  }

  #opened(text: string): void {
    this.#openings += 1
    // What else is in the chunk is refused by the reader.
    if (this.#openings >= mostBlocks) this.#push = undefined
    const port = Number(text)
    if (!Number.isInteger(port) || port < 1 || port > 65_535 || this.ports.includes(port)) return
    this.ports.push(port)
  }
}
