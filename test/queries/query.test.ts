import t from 'tap'
import { allValues, firstValues, queryOf } from '../../src/queries/query.ts'

t.test('the query of a target is what stands behind its first question mark', async (t) => {
  for (const [target, query] of [['/a?b=c', 'b=c'], ['/a?b=c?d', 'b=c?d'], ['/a?', ''], ['/a', ''], ['/a=b&c=d', ''], ['', '']] as const) {
    t.equal(queryOf(target), query, target)
  }
})

t.test('parameters are read as Go reads them', async (t) => {
  const query = 'a=1&a=2&b&=x&c=%zz&d=1;e=2&f=a+b%20c'
  t.strictSame([...allValues(query)], [['a', ['1', '2']], ['b', ['']], ['', ['x']], ['f', ['a b c']]])
  t.strictSame([...firstValues(query)], [['a', '1'], ['b', ''], ['', 'x'], ['f', 'a b c']])
})
