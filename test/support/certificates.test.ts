import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import t from 'tap'
import { makeAuthority, selfSigned, type Issued } from './certificates.ts'
import type { Scope } from './scope.ts'

/** What a verifying client makes of a server with this certificate. */
async function verdictOn(t: Scope, issued: Issued, ca: string, servername = 'localhost') {
  const server = tls.createServer(issued, (socket) => socket.on('error', () => {}).end())
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const socket = tls.connect({ port, host: '127.0.0.1', ca, servername })
  return new Promise<string>((resolve) => {
    socket.once('secureConnect', () => resolve('verified'))
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'))
  }).finally(() => socket.destroy())
}

t.test('what an authority issues verifies against it, by name and by address', async (t) => {
  const authority = makeAuthority()
  const issued = authority.issue()
  t.equal(await verdictOn(t, issued, authority.ca), 'verified')
  const parsed = new X509Certificate(issued.cert)
  t.ok(parsed.verify(new X509Certificate(authority.ca).publicKey))
  t.equal(parsed.checkIP('127.0.0.1'), '127.0.0.1')
  t.equal(parsed.checkIP('::1'), '::1')
})

t.test('what is wrong with a certificate is what a client finds', async (t) => {
  const authority = makeAuthority()
  const ca = authority.ca
  const day = 86_400_000
  t.equal(await verdictOn(t, selfSigned(), ca), 'DEPTH_ZERO_SELF_SIGNED_CERT')
  t.equal(await verdictOn(t, authority.issue({ names: ['other.example'] }), ca), 'ERR_TLS_CERT_ALTNAME_INVALID')
  const expired = authority.issue({ notBefore: Date.now() - 2 * day, notAfter: Date.now() - day })
  t.equal(await verdictOn(t, expired, ca), 'CERT_HAS_EXPIRED')
  t.equal(await verdictOn(t, makeAuthority('other').issue(), ca), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
})
