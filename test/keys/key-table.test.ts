import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { KeyRecord } from '../../src/keys/key-record.ts'
import { KeyTable } from '../../src/keys/key-table.ts'
import { definition } from '../authenticate/callers-stub.ts'

const digestOf = (text: string) => createHash('sha256').update(text).digest()
const recordOf = (id: string, secret = id) => new KeyRecord({ id, sha256: digestOf(secret), expiresAt: undefined, revokedAt: undefined, caller: definition('ci') })

/** Few of each character, so that ids share halves. */
const ids = fc.array(fc.constantFrom('0', '9', 'A', 'z'), { minLength: 8, maxLength: 8 }).map(characters => characters.join(''))

t.test('whatever is added is found, by its id and by its digest, and nothing else is', async (t) => {
  fc.assert(fc.property(fc.array(fc.tuple(ids, fc.nat(3)), { maxLength: 200 }), ids, fc.constantFrom(0, 10, 300), (added, other, room) => {
    const [table, expected] = [new KeyTable(room), new Map<string, KeyRecord>()]
    for (const [id, secret] of added) {
      const record = recordOf(id, `${id} ${secret}`)
      table.add(record)
      expected.set(id, record)
    }
    const same = [...expected].every(([id, record]) => table.get(id) === record && table.open(id, record.sha256) === record && table.open(id, digestOf(id)) === undefined)
    const unknown = expected.has(other) || (table.get(other) === undefined && table.open(other, digestOf(other)) === undefined)
    return same && unknown && table.size === expected.size && [...table.values()].every(record => expected.get(record.id) === record)
  }))
  t.pass('for any order, and over every growth')
})

t.test('the digest of one key opens no other', async (t) => {
  const table = new KeyTable()
  const [one, two] = [recordOf('aaaaaaaa'), recordOf('bbbbbbbb')]
  table.add(one)
  table.add(two)
  t.equal(table.open('aaaaaaaa', two.sha256), undefined)
  t.equal(table.open('aaaaaaaa', Buffer.alloc(32)), undefined)
  t.equal(table.open('cccccccc', Buffer.alloc(32)), undefined, 'an unknown id is compared with zeros, and opens nothing even so')
  t.throws(() => table.open('aaaaaaaa', Buffer.alloc(31)), RangeError)
  for (const length of [0, 31, 33, 128]) {
    t.throws(() => table.add(new KeyRecord({ id: 'dddddddd', sha256: Buffer.alloc(length), expiresAt: undefined, revokedAt: undefined, caller: definition('ci') })), RangeError)
  }
})

t.test('what is no id is unknown, also where its bytes are those of one', async (t) => {
  const table = new KeyTable()
  table.add(recordOf('aaaaaaaa'))
  // The low byte of U+0161 is that of "a".
  for (const id of ['', 'aaaaaaa', 'aaaaaaaaa', '\u0161aaaaaaa', 'aaaaaaa\u0161', 'aaaaaaaa\n']) {
    t.equal(table.get(id), undefined, JSON.stringify(id))
    t.equal(table.open(id, digestOf('aaaaaaaa')), undefined)
    t.throws(() => table.add(recordOf(id)), RangeError)
  }
})

t.test('a caller that is written down does not show the digest of its key', async (t) => {
  const record = recordOf('aaaaaaaa')
  const written = JSON.stringify({ ...record, record })
  t.notMatch(written, record.sha256.toString('hex'))
  t.notMatch(written, /sha256|"data"/)
})
