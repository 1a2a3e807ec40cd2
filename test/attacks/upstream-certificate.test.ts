// Upstream's certificate is wrong: not a byte of the token is sent there. The http-proxy plugin's own default does not verify it.
import t from 'tap'
import { codeOf, startTarget, type Way } from '../support/attack-target.ts'
import { makeAuthority, selfSigned } from '../support/certificates.ts'
import { startUpstream } from '../support/recording-upstream.ts'

const day = 86_400_000
const authority = makeAuthority()
const wrong = {
  'self-signed': selfSigned(),
  'of another authority': makeAuthority().issue(),
  'of another authority of that name': makeAuthority('test authority').issue(),
  'expired': authority.issue({ notBefore: Date.now() - 3 * day, notAfter: Date.now() - day }),
  'not yet valid': authority.issue({ notBefore: Date.now() + day, notAfter: Date.now() + 3 * day }),
  'for another name': authority.issue({ names: ['other.example', '10.0.0.1'] }),
  'for the right host name but not this address': authority.issue({ names: ['localhost'] }),
}
const paths: readonly (readonly [way: Way, method: string, path: string])[] = [
  ...(['plain', 'tls', 'http2'] as const).flatMap((way) => [
    [way, 'GET', '/api/v1/namespaces/a/pods'], [way, 'GET', '/api/v1/namespaces/a/pods?watch=true'], [way, 'POST', '/api/v1/namespaces/a/pods'], [way, 'GET', '/apis'],
  ] as const),
  ['upgrade', 'GET', '/api/v1/namespaces/a/pods/x/exec?command=sh'],
]

for (const [name, certificate] of Object.entries(wrong)) {
  t.test(`a certificate that is ${name}`, async (t) => {
    const upstream = await startUpstream(t, { tls: certificate, ca: authority.ca })
    const target = await startTarget(t, { upstream })
    for (const [way, method, path] of paths) {
      const { status, body } = await target.send(way, { method, target: path, ...(method === 'POST' ? { body: '{}' } : {}) })
      t.match(String(status), /^50[23]$/, `${way} ${method} ${path}`)
      t.match(codeOf(body), /^(UpstreamUnreachable|BadUpstream)$/, `${way} ${method} ${path}: ${body}`)
    }
    t.equal(upstream.bytes, 0, 'not a byte')
    t.equal(upstream.requests.length, 0)
  })
}

t.test('plain HTTP behind an https URL gets nothing but a handshake', async (t) => {
  const upstream = await startUpstream(t, { tls: false, ca: authority.ca })
  const target = await startTarget(t, { upstream: Object.assign(upstream, { url: upstream.url.replace('http:', 'https:') }), timeouts: { connect: '200ms', response: '5s' } })
  for (const [way, method, path] of paths) {
    const { status } = await target.send(way, { method, target: path, ...(method === 'POST' ? { body: '{}' } : {}) })
    t.match(String(status), /^50[23]$/, `${way} ${method} ${path}`)
  }
  t.notOk(upstream.connections.some(({ received }) => /bearer|authorization/i.test(Buffer.concat(received).toString('latin1'))))
})

t.test('the right certificate of that authority passes', async (t) => {
  const upstream = await startUpstream(t, { tls: authority.issue(), ca: authority.ca })
  const target = await startTarget(t, { upstream })
  t.equal((await target.send('tls', {})).status, 200)
})
