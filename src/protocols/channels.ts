import { SpdyReader } from './spdy-reader.ts'
import { WebSocketReader, type MessagePiece } from './websocket-reader.ts'

/** The streams of an exec or attach (k8s.io/api/core/v1 `StreamType…`). */
export type SessionStream = 'stdin' | 'stdout' | 'stderr' | 'error' | 'resize'

/** What both sides agreed to speak. */
export type SessionProtocol =
  | { readonly kind: 'websocket', readonly subprotocol: string, readonly extensions: string }
  | { readonly kind: 'spdy' }

/** A part of what a stream carries, as it comes. `ends`: a message of it, or the stream itself, ends here. */
export type TakeBytes = (stream: SessionStream, piece: Buffer, ends: boolean) => void

/** Both throw RangeError, or what zlib throws, on bytes that cannot be read. */
export interface SessionReader {
  fromCaller(chunk: Buffer): void
  fromUpstream(chunk: Buffer): void
}

/** Reads the streams of a session from the bytes of its tunnel. Throws RangeError where its protocol cannot be read. */
export function createSessionReader(protocol: SessionProtocol, take: TakeBytes): SessionReader {
  return protocol.kind === 'spdy' ? spdySession(take) : webSocketSession(protocol, take)
}

/** k8s.io/kubelet pkg/cri/streaming/remotecommand/websocket.go: the first byte of a message is its channel; no name means the oldest protocol. */
const binaryProtocols = new Set(['', 'channel.k8s.io', 'v4.channel.k8s.io', 'v5.channel.k8s.io'])
const base64Protocols = new Set(['base64.channel.k8s.io', 'v4.base64.channel.k8s.io'])
const channels: readonly SessionStream[] = ['stdin', 'stdout', 'stderr', 'error', 'resize']

function webSocketSession({ subprotocol, extensions }: Extract<SessionProtocol, { kind: 'websocket' }>, take: TakeBytes): SessionReader {
  if (extensions !== '') throw new RangeError(`the WebSocket has the extension ${extensions}`)
  const isBase64 = base64Protocols.has(subprotocol)
  if (!isBase64 && !binaryProtocols.has(subprotocol)) throw new RangeError(`the subprotocol ${subprotocol} is not known`)
  const reader = () => {
    const channel = new Channels(isBase64, take)
    const frames = new WebSocketReader(piece => channel.take(piece))
    return (chunk: Buffer) => frames.push(chunk)
  }
  return { fromCaller: reader(), fromUpstream: reader() }
}

class Channels {
  readonly #isBase64: boolean
  readonly #take: TakeBytes
  #stream: SessionStream | undefined
  #named = false
  /** Of base64, what does not make up a group of four yet. */
  #rest = ''

  constructor(isBase64: boolean, take: TakeBytes) {
    this.#isBase64 = isBase64
    this.#take = take
  }

  take({ first, last, data }: MessagePiece): void {
    if (first) {
      this.#named = false
      this.#stream = undefined
      this.#rest = ''
    }
    let payload = data
    const [name] = data
    if (!this.#named && name !== undefined) {
      this.#named = true
      // v5 closes a stream by a message on channel 255: there is none of that number here.
      this.#stream = channels[this.#isBase64 ? name - 0x30 : name]
      payload = data.subarray(1)
    }
    if (this.#stream === undefined) return
    const plain = this.#isBase64 ? this.#decode(payload, last) : payload
    if (plain.length > 0 || last) this.#take(this.#stream, plain, last)
  }

  #decode(piece: Buffer, last: boolean): Buffer {
    const text = this.#rest + piece.toString('latin1')
    const whole = last ? text.length : text.length - text.length % 4
    this.#rest = text.slice(whole)
    return Buffer.from(text.slice(0, whole), 'base64')
  }
}

/** k8s.io/client-go tools/remotecommand: the client opens a stream for each and says in its headers which. */
function spdySession(take: TakeBytes): SessionReader {
  const streams = new Map<number, SessionStream>()
  const data = (stream: number, piece: Buffer, last: boolean) => {
    const name = streams.get(stream)
    if (name !== undefined && (piece.length > 0 || last)) take(name, piece, last)
  }
  const caller = new SpdyReader({
    data,
    opened(stream, headers) {
      const name = channels.find(each => each === headers.get('streamtype'))
      if (name !== undefined) streams.set(stream, name)
    },
  })
  const upstream = new SpdyReader({ data })
  return { fromCaller: chunk => caller.push(chunk), fromUpstream: chunk => upstream.push(chunk) }
}
