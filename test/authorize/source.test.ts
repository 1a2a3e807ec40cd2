import t from 'tap'
import { fromAllowedSource, mayUseCluster } from '../../src/authorize/source.ts'
import { definition } from '../support/builders.ts'

t.test('a caller comes from where it may, whatever family the socket names', async (t) => {
  const rows: [string[] | undefined, string, boolean][] = [
    [undefined, '203.0.113.9', true],
    [undefined, '', true],
    [[], '10.0.0.1', false],
    [['10.0.0.0/8'], '10.255.0.1', true],
    [['10.0.0.0/8'], '11.0.0.1', false],
    [['10.0.0.0/8'], '::ffff:10.0.0.1', true],
    [['10.0.0.0/8'], '::FFFF:11.0.0.1', false],
    [['::ffff:10.0.0.0/104'], '10.1.2.3', true],
    [['::ffff:10.0.0.0/104'], '11.1.2.3', false],
    [['2001:db8::/32'], '2001:db8::1', true],
    [['2001:db8::/32'], '2001:db9::1', false],
    [['fe80::/10'], 'fe80::1%eth0', true],
    [['::1/128', '127.0.0.0/8'], '127.0.0.1', true],
    [['0.0.0.0/0'], '::1', false],
    [['192.0.2.7'], '192.0.2.7', true],
    [['192.0.2.7'], '192.0.2.8', false],
    [['10.0.0.0/8'], '', false],
    [['10.0.0.0/8'], 'unknown', false],
    [['nonsense', '10.0.0.0/99', '10.0.0.0/x', '::ffff:10.0.0.0/8'], '10.0.0.1', false],
  ]
  for (const [allowedFrom, source, expected] of rows) {
    t.equal(fromAllowedSource(definition({ allowedFrom }), source), expected, `${JSON.stringify(allowedFrom)} ${source}`)
  }
})

t.test('a caller uses the clusters it names, or every one', async (t) => {
  t.equal(mayUseCluster(definition(), 'prod'), true)
  t.equal(mayUseCluster(definition({ clusters: ['prod'] }), 'prod'), true)
  t.equal(mayUseCluster(definition({ clusters: ['prod'] }), 'test'), false)
  t.equal(mayUseCluster(definition({ clusters: [] }), 'prod'), false)
})
