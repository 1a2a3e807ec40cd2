import t from 'tap'
import { createSourceIPs } from '../../src/listen/source.ts'

t.test('the source is the rightmost address that is no trusted proxy', async (t) => {
  const xff = (...values: string[]) => values.flatMap(value => ['X-Forwarded-For', value])
  const cases: [string, string[], string, string[], string[]][] = [
    ['nobody is trusted: the header says nothing', [], '10.0.0.1', xff('1.2.3.4'), ['10.0.0.1']],
    ['the peer is no proxy', ['10.0.0.0/8'], '192.0.2.1', xff('1.2.3.4'), ['192.0.2.1']],
    ['one proxy', ['10.0.0.0/8'], '10.0.0.1', xff('1.2.3.4'), ['1.2.3.4', '10.0.0.1']],
    ['what stands left of the first untrusted is hearsay', ['10.0.0.0/8'], '10.0.0.1', xff('6.6.6.6, 1.2.3.4, 10.0.0.2'), ['1.2.3.4', '10.0.0.2', '10.0.0.1']],
    ['several lines are one list', ['10.0.0.0/8'], '10.0.0.1', xff('6.6.6.6', '1.2.3.4'), ['1.2.3.4', '10.0.0.1']],
    ['rubbish ends the chain', ['10.0.0.0/8'], '10.0.0.1', xff('1.2.3.4, evil'), ['10.0.0.1']],
    ['no header', ['10.0.0.0/8'], '10.0.0.1', [], ['10.0.0.1']],
    ['a mapped IPv4 peer', ['10.0.0.0/8'], '::ffff:10.0.0.1', xff('::ffff:1.2.3.4'), ['1.2.3.4', '10.0.0.1']],
    ['a mapped IPv4 proxy', ['::ffff:10.0.0.0/104'], '10.0.0.1', xff('1.2.3.4'), ['1.2.3.4', '10.0.0.1']],
    ['a peer that is gone', ['10.0.0.0/8'], '', xff('1.2.3.4'), ['']],
    ['IPv6', ['fd00::/8'], 'fd00::1', xff('2001:db8::7'), ['2001:db8::7', 'fd00::1']],
  ]
  for (const [what, trusted, peer, headers, expected] of cases) {
    t.strictSame(createSourceIPs(trusted)(peer, headers), expected, what)
  }
})
