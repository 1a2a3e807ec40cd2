import { createCipheriv, createHmac } from 'node:crypto'
import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import tls from 'node:tls'
import { makeAuthority, type Authority, type Issued } from './certificates.ts'
import type { Scope } from './scope.ts'

/** Of RFC 8446, 6.2. */
export const alerts = { badCertificate: 42, unsupportedCertificate: 43, revoked: 44, expired: 45, unknown: 46, unknownCa: 48, accessDenied: 49, required: 116 } as const

export interface RefusingOptions {
  readonly alert: number
  readonly version: 'TLSv1.2' | 'TLSv1.3'
  /** Issues its certificate. */
  readonly authority?: Authority
  /** After so many refusals connections go to that port of this machine instead. */
  readonly then?: { readonly after: number, readonly port: number }
}

export interface RefusingServer {
  readonly url: string
  /** PEM. */
  readonly ca: string
  /** How many connections it has refused. */
  readonly refused: number
}

/**
 * A TLS server that refuses every client certificate, or the lack of one, with this alert, and closes: as
 * Go's and OpenSSL's do, and Node's own does not. By TLS 1.3 the client takes the handshake for done by then.
 */
export async function startRefusingServer(t: Scope, options: RefusingOptions): Promise<RefusingServer> {
  const { alert, version, authority = makeAuthority(), then } = options
  const issued = authority.issue()
  const sockets = new Set<Socket>()
  let refused = 0
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => { /* the client is gone */ })
    if (then !== undefined && refused >= then.after) return pass(socket, then.port)
    handshake(socket, issued, version, (secret) => {
      refused += 1
      socket.end(version === 'TLSv1.3' ? encryptedAlert(secret, alert) : Buffer.from([21, 3, 3, 0, 2, 2, alert]))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const { port } = server.address() as AddressInfo
  return { url: `https://127.0.0.1:${port}`, ca: authority.ca, get refused() { return refused } }
}

function pass(socket: Socket, port: number): void {
  const onward = net.connect(port, '127.0.0.1')
  onward.on('error', () => socket.destroy())
  socket.on('close', () => onward.destroy())
  socket.pipe(onward).pipe(socket)
}

/** Lets a real TLS server speak until its first flight is out; the client's answer to that, its certificate, is not handed on any more. */
function handshake(socket: Socket, issued: Issued, version: 'TLSv1.2' | 'TLSv1.3', refuse: (trafficSecret: Buffer) => void): void {
  let secret = Buffer.alloc(0)
  let spoken = false
  let over = false
  const wire = new Duplex({
    read() { /* pushed below */ },
    write(chunk: Buffer, _, done) {
      spoken = true
      if (!over) socket.write(chunk)
      done()
    },
  })
  const inner = tls.createServer({ ...issued, ALPNProtocols: ['h2', 'http/1.1'], requestCert: true, rejectUnauthorized: false, minVersion: version, maxVersion: version, ciphers: 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256' })
  inner.on('tlsClientError', () => { /* it never sees the end */ })
  inner.on('keylog', (line: Buffer) => {
    const [label, , hex = ''] = line.toString().trim().split(' ')
    if (label === 'SERVER_TRAFFIC_SECRET_0') secret = Buffer.from(hex, 'hex')
  })
  inner.emit('connection', wire)
  socket.on('data', (bytes: Buffer) => {
    if (over) return
    if (!spoken) return void wire.push(bytes)
    over = true
    refuse(secret)
  })
  socket.on('close', () => wire.destroy())
}

/** The first record under the server's traffic keys (RFC 8446, 5.2 and 7.3), with TLS_AES_128_GCM_SHA256. */
function encryptedAlert(secret: Buffer, alert: number): Buffer {
  const inner = Buffer.from([2, alert, 21])
  const header = Buffer.from([23, 3, 3, 0, inner.length + 16])
  const cipher = createCipheriv('aes-128-gcm', expand(secret, 'key', 16), expand(secret, 'iv', 12)).setAAD(header)
  return Buffer.concat([header, cipher.update(inner), cipher.final(), cipher.getAuthTag()])
}

/** HKDF-Expand-Label without a context, for what fits into one hash. */
function expand(secret: Buffer, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`)
  const info = Buffer.concat([Buffer.from([0, length, name.length]), name, Buffer.from([0, 1])])
  return createHmac('sha256', secret).update(info).digest().subarray(0, length)
}
