import t from 'tap'
import { canonicalName, readSubjectAltNames } from '../../src/addresses/subject-alt-name.ts'

const rows: readonly [string, string | undefined][] = [
  ['DNS:A.Example', 'DNS:a.example'],
  ['URI:spiffe://A/b', 'URI:spiffe://A/b'],
  ['email:A@b.example', 'email:A@b.example'],
  ['IP:10.0.0.1', 'IP:10.0.0.1'],
  ['IP:2001:DB8:0:0::1', 'IP:2001:db8::1'],
  ['IP:fe80::1%eth0', undefined],
  ['IP:fe80::1%25eth0', undefined],
  ['IP:fe80::1%]/@x', undefined],
  ['IP:10.0.0.0/8', undefined],
  ['IP:<invalid>', undefined],
  ['IP:', undefined],
  ['RID:1.2.3', undefined],
  ['', undefined],
]

for (const [name, wanted] of rows) {
  t.test(`${JSON.stringify(name)} is ${wanted === undefined ? 'no name' : `compared as ${wanted}`}`, async t => t.equal(canonicalName(name), wanted))
}

t.test('a name of a certificate that cannot be read is left out, and keeps no other from being read', async (t) => {
  t.strictSame(readSubjectAltNames('DNS:a.example, IP Address:<invalid>, IP Address:fe80::1%eth0, IP Address:10.0.0.1'), ['DNS:a.example', 'IP:10.0.0.1'])
})
