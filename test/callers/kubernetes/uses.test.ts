import t from 'tap'
import { Uses } from '../../../src/callers/kubernetes/uses.ts'

t.test('of a use by a key both are kept, of one by a token or a certificate only that it was', async (t) => {
  const uses = new Uses()
  const keys = [{ id: 'aaaaaaaa' }, { id: 'bbbbbbbb' }]
  uses.add('ci', keys, 'aaaaaaaa', 1)
  uses.add('ci', keys, 'jwt:https://ci.invalid', 3)
  for (let each = 0; each < 100; each += 1) uses.add('ci', keys, `cert:${each}`, 2)
  t.strictSame(uses.of('ci'), { at: 3, keys: new Map([['aaaaaaaa', 1]]) })
  uses.add('bot', [], 'cert:0', 4)
  t.strictSame(uses.of('bot'), { at: 4, keys: new Map() })
  uses.forget('ci')
  t.equal(uses.of('ci'), undefined)
})
