import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import type { Duplex } from 'node:stream'
import type { RawData } from 'ws'
import { WebSocket, WebSocketServer } from 'ws'
import type { Answer } from './answer.ts'
import { failure } from './answer.ts'
import type { Asked, Carrier } from './exec.ts'
import type { JsonObject } from './json.ts'
import { badRequest } from './status.ts'

/** The newest first. v5 adds that a stream can be closed. */
const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io']

/** The first byte of each message says whose it is. */
const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, close: 255 }

/** Above this much unsent data a writer waits. */
const highWater = 256 * 1024

/** Exec over WebSocket. */
export class WebSocketExec {
  readonly #server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: 4 * 1024 * 1024,
    handleProtocols: (offered) => protocols.find((protocol) => offered.has(protocol)) ?? false,
  })

  /** Begins an exec on the connection, or returns why not. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, asked: Asked, start: (carrier: Carrier) => void): Answer | undefined {
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim())
    if ((request.headers.upgrade ?? '').toLowerCase() !== 'websocket') return failure(badRequest('exec is served to upgrades to WebSocket and SPDY/3.1'))
    if (!protocols.some((protocol) => offered.includes(protocol))) {
      return failure(badRequest(`none of the subprotocols is supported: ${protocols.join(', ')}`))
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => start(carry(webSocket, asked)))
    return undefined
  }
}

function carry(webSocket: WebSocket, asked: Asked): Carrier {
  const gone = new AbortController()
  const stdin = new PassThrough()
  webSocket.on('message', (data) => receive(webSocket, stdin, data))
  webSocket.on('error', () => webSocket.terminate())
  webSocket.once('close', () => gone.abort())
  gone.signal.addEventListener('abort', () => stdin.destroy())
  stdin.on('drain', () => webSocket.resume())
  // An ended stream does not drain; but the caller's own goodbye is still to be read.
  stdin.on('close', () => webSocket.resume())
  // An empty message on the lowest channel tells the client that the exec has begun, as the API server does.
  webSocket.send(Buffer.from([asked.stdout ? channel.stdout : channel.error]))
  return {
    stdin,
    signal: gone.signal,
    write: (stream, chunk) => send(webSocket, channel[stream], Buffer.from(chunk)),
    finish: (status: JsonObject) => {
      void send(webSocket, channel.error, Buffer.from(JSON.stringify(status)))
      webSocket.close(1000)
    },
  }
}

function receive(webSocket: WebSocket, stdin: PassThrough, data: RawData): void {
  const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as ArrayBuffer)
  const [to, closed] = bytes
  if (stdin.writableEnded || stdin.destroyed) return
  if (to === channel.close && closed === channel.stdin) stdin.end()
  else if (to === channel.stdin && bytes.length > 1 && !stdin.write(bytes.subarray(1))) webSocket.pause()
}

async function send(webSocket: WebSocket, to: number, chunk: Buffer): Promise<void> {
  if (webSocket.readyState !== WebSocket.OPEN) return
  const message = Buffer.concat([Buffer.from([to]), chunk])
  await new Promise<void>((resolve) => {
    const full = webSocket.bufferedAmount + message.length > highWater
    webSocket.send(message, () => resolve())
    if (!full) resolve()
  })
}
