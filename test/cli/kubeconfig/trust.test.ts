import t from 'tap'
import { isFor, trustOf } from '../../../src/cli/kubeconfig/trust.ts'
import { makeAuthority, selfSigned } from '../../support/certificates.ts'

const authority = makeAuthority('corp root')
const { cert } = authority.issue({ names: ['portcullis.example', '10.0.0.1', '::1'] })
const intermediate = authority.subordinate('corp intermediate')
const below = intermediate.issue().cert

t.test('what a client needs to trust a server, by what the certificate file holds', async (t) => {
  const alone = selfSigned().cert
  const rows: [string, readonly string[], readonly string[], ReturnType<typeof trustOf>][] = [
    ['a self-signed certificate is itself', [alone], [], { kind: 'certificate', pem: alone }],
    ['also where it stands among the public ones: it is nobody\'s but its own', [alone], [alone], { kind: 'certificate', pem: alone }],
    ['a chain with its root', [cert, authority.ca], [], { kind: 'certificate', pem: authority.ca }],
    ['in whatever order', [below, authority.ca, intermediate.ca], [], { kind: 'certificate', pem: authority.ca }],
    ['a chain up to an intermediate CA', [below, intermediate.ca], [], { kind: 'certificate', pem: intermediate.ca }],
    ['a CA in it that has issued nothing here', [cert, makeAuthority('corp root').ca], [], { kind: 'elsewhere', issuer: 'CN=corp root' }],
    ['the certificate alone', [cert], [], { kind: 'elsewhere', issuer: 'CN=corp root' }],
    ['the certificate alone, of a public CA', [cert], [makeAuthority('other').ca, authority.ca], { kind: 'public' }],
    ['a chain below a public CA', [below, intermediate.ca], [authority.ca], { kind: 'public' }],
    ['a chain with a public CA', [below, intermediate.ca, authority.ca], [authority.ca], { kind: 'public' }],
    ['an impostor of a public CA', [cert], [makeAuthority('corp root').ca], { kind: 'elsewhere', issuer: 'CN=corp root' }],
  ]
  for (const [about, file, publicRoots, trust] of rows) t.strictSame(withoutBreaks(trustOf(`text\n${file.join('')}`, publicRoots)), withoutBreaks(trust), about)
})

/** Two PEM texts of one certificate may end in a line break or not. */
function withoutBreaks(trust: ReturnType<typeof trustOf>): object {
  return trust.kind === 'certificate' ? { ...trust, pem: trust.pem.replaceAll(/\s/g, '') } : trust
}

t.test('two CAs that vouch for each other have no end, and are come to one', async (t) => {
  t.match(trustOf([below, intermediate.ca, intermediate.ca].join(''), []), { kind: 'certificate' })
})

t.test('a host of a URL is held against the certificate', async (t) => {
  for (const [hostname, fits] of [['portcullis.example', true], ['10.0.0.1', true], ['[::1]', true], ['other.example', false], ['10.0.0.2', false]] as const) {
    t.equal(isFor(`${cert}${authority.ca}`, hostname), fits, hostname)
  }
})

t.test('what is no certificate throws', async (t) => {
  t.throws(() => trustOf(''), /no certificate in PEM/)
})
