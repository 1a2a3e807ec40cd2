import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import t from 'tap'
import { makeAuthority, makeCertificate } from '../../src/sample/certificate.ts'

const names = ['localhost', '127.0.0.1', '::1', 'fe80::1:2']

t.test('a client that trusts the authority verifies the server by each of its names, and by no other', async (t) => {
  const { ca, cert, key } = makeCertificate({ names, days: 1 })
  const server = tls.createServer({ cert, key }, (socket) => socket.end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const connect = async (host: string, authority: string) => {
    const socket = tls.connect({ host: '127.0.0.1', port, ca: authority, checkServerIdentity: (_, peer) => tls.checkServerIdentity(host, peer) })
    try {
      await once(socket, 'secureConnect')
      return 'verified'
    } catch (error) {
      return (error as NodeJS.ErrnoException).code
    } finally {
      socket.destroy()
    }
  }
  for (const name of names) t.equal(await connect(name, ca), 'verified', name)
  t.equal(await connect('example.com', ca), 'ERR_TLS_CERT_ALTNAME_INVALID')
  t.equal(await connect('localhost', makeAuthority({ days: 1 }).ca), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
})

t.test('one authority signs several certificates', async (t) => {
  const authority = makeAuthority({ days: 1 })
  const ca = new X509Certificate(authority.ca)
  t.equal(ca.ca, true)
  const serials = [authority.issue(['a.example']), authority.issue(['b.example'])].map(({ cert }) => {
    const leaf = new X509Certificate(cert)
    t.ok(leaf.verify(ca.publicKey))
    t.ok(leaf.checkIssued(ca))
    t.equal(leaf.ca, false)
    return leaf.serialNumber
  })
  t.not(serials[0], serials[1])
})

t.test('validity begins an hour early and lasts as long as asked, beyond 2049 too', async (t) => {
  const clock = () => Date.UTC(2026, 0, 1)
  const { cert } = makeCertificate({ names, days: 10_000, clock })
  const { validFrom, validTo } = new X509Certificate(cert)
  t.equal(Date.parse(validFrom), clock() - 3600_000)
  t.equal(Date.parse(validTo), clock() + 10_000 * 24 * 3600_000)
})
