import { createDeflate, constants, type Deflate } from 'node:zlib'
import type { Tunnel } from './recording-upstream.ts'

const control = { SYN_STREAM: 1, SYN_REPLY: 2, RST_STREAM: 3, PING: 6, GOAWAY: 7 } as const
const FIN = 1

/** What a command does with all of its stdin. */
export type SpdyCommand = (stdin: Buffer) => { readonly stdout: string | Uint8Array, readonly code: number }

/**
 * The API server's side of `kubectl exec -i` over SPDY/3.1 (v4.channel.k8s.io), without a
 * terminal. The client opens its streams in a fixed order (error, stdin, stdout, stderr:
 * k8s.io/client-go/tools/remotecommand/v2.go), so their header blocks need not be read.
 */
export function serveSpdyExec(tunnel: Tunnel, command: SpdyCommand): void {
  const session = new Session(tunnel, command)
  let held = Buffer.alloc(0)
  tunnel.incoming.on('data', (bytes: Buffer) => {
    held = Buffer.concat([held, bytes])
    while (held.length >= 8 && held.length >= 8 + held.readUIntBE(5, 3)) {
      const size = held.readUIntBE(5, 3)
      session.frame(held.subarray(0, 8), held.subarray(8, 8 + size))
      held = held.subarray(8 + size)
    }
  })
}

class Session {
  readonly #tunnel: Tunnel
  readonly #command: SpdyCommand
  /** One compression context for all header blocks of a direction (SPDY/3.1, 2.6.10.1). */
  readonly #headers: Deflate = createDeflate({ flush: constants.Z_SYNC_FLUSH })
  readonly #streams: number[] = []
  readonly #stdin: Buffer[] = []
  #replies: number[] = []

  constructor(tunnel: Tunnel, command: SpdyCommand) {
    this.#tunnel = tunnel
    this.#command = command
    this.#headers.on('data', (block: Buffer) => {
      const id = this.#replies.shift() ?? 0
      this.#control(control.SYN_REPLY, 0, Buffer.concat([uint32(id), block]))
    })
  }

  frame(head: Buffer, payload: Buffer): void {
    const flags = head.readUInt8(4)
    if ((head.readUInt8(0) & 0x80) === 0) this.#data(head.readUInt32BE(0), flags, payload)
    else if (head.readUInt16BE(2) === control.SYN_STREAM) this.#open(payload.readUInt32BE(0))
    else if (head.readUInt16BE(2) === control.PING) this.#control(control.PING, 0, payload)
  }

  #open(id: number): void {
    this.#streams.push(id)
    this.#replies.push(id)
    this.#headers.write(uint32(0))
  }

  #data(id: number, flags: number, payload: Buffer): void {
    if (id !== this.#streams[1]) return
    this.#stdin.push(payload)
    if ((flags & FIN) !== 0) this.#run()
  }

  #run(): void {
    const { stdout, code } = this.#command(Buffer.concat(this.#stdin))
    const [error = 0, , out = 0, err = 0] = this.#streams
    this.#send(out, FIN, Buffer.from(stdout as Uint8Array))
    this.#send(err, FIN, Buffer.alloc(0))
    this.#send(error, FIN, Buffer.from(JSON.stringify(statusOf(code))))
    this.#tunnel.end()
  }

  #send(id: number, flags: number, data: Buffer): void {
    const head = Buffer.concat([uint32(id), uint32(data.length)])
    head.writeUInt8(flags, 4)
    this.#tunnel.write(Buffer.concat([head, data]))
  }

  #control(type: number, flags: number, payload: Buffer): void {
    const head = Buffer.concat([Buffer.from([0x80, 3, 0, type]), uint32(payload.length)])
    head.writeUInt8(flags, 4)
    this.#tunnel.write(Buffer.concat([head, payload]))
  }
}

/** k8s.io/apimachinery/pkg/util/remotecommand: the exit code is a cause of the Status. */
function statusOf(code: number): object {
  if (code === 0) return { metadata: {}, status: 'Success' }
  const causes = [{ reason: 'ExitCode', message: String(code) }]
  return { metadata: {}, status: 'Failure', reason: 'NonZeroExitCode', message: `command terminated with exit code ${code}`, details: { causes } }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
