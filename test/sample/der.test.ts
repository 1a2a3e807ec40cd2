import t from 'tap'
import { bits, boolean, integer, octets, oid, sequence, time } from '../../src/sample/der.ts'

t.test('elements are encoded as X.690 says', async (t) => {
  const table: [name: string, encoded: Buffer, hex: string][] = [
    ['a small integer', integer(Buffer.from([5])), '020105'],
    ['an integer whose first bit is set stays positive', integer(Buffer.from([0x80])), '02020080'],
    ['leading zeros go', integer(Buffer.from([0, 0, 1])), '020101'],
    ['zero', integer(Buffer.from([0])), '020100'],
    ['a boolean', boolean(true), '0101ff'],
    ['an object identifier', oid('1.2.840.10045.4.3.2'), '06082a8648ce3d040302'],
    ['bits', bits(Buffer.from([0x80]), 7), '03020780'],
    ['a sequence', sequence(boolean(false), boolean(true)), '30060101000101ff'],
    ['UTCTime', time(Date.UTC(2049, 11, 31, 23, 59, 59)), `170d${Buffer.from('491231235959Z').toString('hex')}`],
    ['GeneralizedTime', time(Date.UTC(2050, 0, 1)), `180f${Buffer.from('20500101000000Z').toString('hex')}`],
  ]
  for (const [name, encoded, hex] of table) t.equal(encoded.toString('hex'), hex, name)
  t.equal(octets(Buffer.alloc(127)).subarray(0, 2).toString('hex'), '047f')
  t.equal(octets(Buffer.alloc(200)).subarray(0, 3).toString('hex'), '0481c8')
  t.equal(octets(Buffer.alloc(300)).subarray(0, 4).toString('hex'), '0482012c')
})
