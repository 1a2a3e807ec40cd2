import t from 'tap'
import { OpenRequests } from '../../../src/cli/audit-show/open-requests.ts'

t.test('what has ended is held no more; what has not comes out in its order', async (t) => {
  const open = new OpenRequests()
  for (const id of ['a', 'b', 'c']) t.strictSame(open.begin(id, id, 0), [])
  open.end('b')
  open.end('never')
  t.strictSame(open.take(), ['a', 'c'])
  t.strictSame(open.take(), [])
})

t.test('of a request its latest line', async (t) => {
  const open = new OpenRequests()
  open.begin('a', 'received', 0)
  open.begin('a', 'started', 1)
  t.strictSame(open.take(), ['started'])
})

t.test('only those that came by then', async (t) => {
  const open = new OpenRequests()
  open.begin('a', 'a', 10)
  open.begin('b', 'b', 20)
  t.strictSame(open.take(15), ['a'])
  t.strictSame(open.take(20), ['b'])
})

t.test('memory is bounded: the oldest are given up', async (t) => {
  const open = new OpenRequests(10)
  const given = Array.from({ length: 1000 }, (_, i) => open.begin(`${i}`, '12345', 0)).flat()
  t.equal(given.length, 998)
  t.equal(open.take().length, 2)
})
