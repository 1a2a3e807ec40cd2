import { Base64Reader } from './base64-reader.ts'
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
/** Of the protocol that closes streams: by a message on this channel. */
const closing = { protocol: 'v5.channel.k8s.io', channel: 255 }

/** What a side says of a stream that is the other one's nobody reads (k8s.io/apimachinery pkg/util/httpstream/wsstream, `DataFromSocket`): it was neither typed nor shown. */
const callersOwn: ReadonlySet<SessionStream> = new Set(['stdin', 'resize'])
const upstreamsOwn: ReadonlySet<SessionStream> = new Set(['stdout', 'stderr', 'error'])

function webSocketSession({ subprotocol, extensions }: Extract<SessionProtocol, { kind: 'websocket' }>, take: TakeBytes): SessionReader {
  if (extensions !== '') throw new RangeError(`the WebSocket has the extension ${extensions}`)
  if (!base64Protocols.has(subprotocol) && !binaryProtocols.has(subprotocol)) throw new RangeError(`the subprotocol ${subprotocol} is not known`)
  const reader = (own: ReadonlySet<SessionStream>) => {
    const channel = new Channels(subprotocol, (stream, piece, ends) => { if (own.has(stream)) take(stream, piece, ends) })
    const frames = new WebSocketReader(piece => channel.take(piece))
    return (chunk: Buffer) => frames.push(chunk)
  }
  return { fromCaller: reader(callersOwn), fromUpstream: reader(upstreamsOwn) }
}

class Channels {
  readonly #subprotocol: string
  readonly #take: TakeBytes
  #stream: SessionStream | undefined
  #named = false
  #base64: Base64Reader | undefined

  constructor(subprotocol: string, take: TakeBytes) {
    this.#subprotocol = subprotocol
    this.#take = take
  }

  take({ first, last, whole, data }: MessagePiece): void {
    // To golang.org/x/net/websocket each frame is a message, with a channel of its own; to others it is a part of one.
    if (!whole) throw new RangeError('a message is in several frames')
    if (first) {
      this.#named = false
      this.#stream = undefined
      this.#base64 = base64Protocols.has(this.#subprotocol) ? new Base64Reader() : undefined
    }
    let payload = data
    const [name] = data
    if (!this.#named && name !== undefined) {
      this.#named = true
      this.#stream = this.#streamOf(name)
      payload = data.subarray(1)
    }
    if (this.#stream === undefined) return
    const plain = this.#base64 === undefined ? payload : this.#base64.read(payload, last)
    if (plain.length > 0 || last) this.#take(this.#stream, plain, last)
  }

  /** Undefined for the one that closes others. */
  #streamOf(name: number): SessionStream | undefined {
    const stream = channels[this.#base64 === undefined ? name : name - 0x30]
    if (stream === undefined && (this.#subprotocol !== closing.protocol || name !== closing.channel)) throw new RangeError(`there is no channel ${name}`)
    return stream
  }
}

/** k8s.io/client-go tools/remotecommand: the client opens a stream for each and says in its headers which. */
function spdySession(take: TakeBytes): SessionReader {
  const streams = new Map<number, SessionStream>()
  const data = (own: ReadonlySet<SessionStream>) => (stream: number, piece: Buffer, last: boolean) => {
    const name = streams.get(stream)
    if (name !== undefined && own.has(name) && (piece.length > 0 || last)) take(name, piece, last)
  }
  const typed = data(callersOwn)
  const caller = new SpdyReader({
    data(stream, piece, last) {
      if (!streams.has(stream)) throw new RangeError(`the stream ${stream} was never opened`)
      typed(stream, piece, last)
    },
    opened(stream, headers) {
      if (streams.has(stream)) throw new RangeError(`the stream ${stream} is opened again`)
      streams.set(stream, streamTypeOf(headers))
    },
  })
  const upstream = new SpdyReader({ data: data(upstreamsOwn) })
  return { fromCaller: chunk => caller.push(chunk), fromUpstream: chunk => upstream.push(chunk) }
}

/** A header may have several values, with NUL between them: Go's `Get` is the first. */
function streamTypeOf(headers: ReadonlyMap<string, string>): SessionStream {
  const [type = ''] = headers.get('streamtype')?.split('\0') ?? []
  const name = channels.find(each => each === type)
  if (name === undefined) throw new RangeError(`there is no stream of the type ${JSON.stringify(type)}`)
  return name
}
