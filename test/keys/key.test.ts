import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { digestKey, mintKey, readKey } from '../../src/keys/key.ts'

const sample = 'pcl_k7Q2mX9a_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg2pZTdb'

t.test('the design\'s test vector is a key with its digest', async (t) => {
  t.strictSame(readKey(sample), { kind: 'key', id: 'k7Q2mX9a' })
  t.equal(digestKey(sample).toString('hex'), '353bb4bfb005dadfbd79334e12573a1ce0ad072bce7d9a5971178df01befd5d0')
})

t.test('a minted key reads back, with an id of its own', async (t) => {
  const { id, key } = mintKey(randomBytes)
  t.equal(key.length, 62)
  t.strictSame(readKey(key), { kind: 'key', id })
  t.not(mintKey(randomBytes).key, key)
})

t.test('small numbers are padded with 0 on the left', async (t) => {
  const { id, key } = mintKey(bytes => new Uint8Array(bytes))
  t.equal(id, '00000000')
  t.match(key, /^pcl_00000000_0{43}[0-9A-Za-z]{6}$/)
  t.equal(readKey(key).kind, 'key')
})

t.test('all 256 random bits are in the secret', async (t) => {
  const { key } = mintKey(bytes => new Uint8Array(bytes).fill(255))
  const secret = key.slice(13, 56)
  let value = 0n
  for (const digit of secret) {
    value = value * 62n + BigInt('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'.indexOf(digit))
  }
  t.equal(value, 2n ** 256n - 1n)
})

t.test('one changed character is a typo, never another key', async () => {
  fc.assert(fc.property(fc.nat(61), fc.constantFrom(...'0123456789azAZ_-'), (at, character) => {
    if (sample[at] === character) return
    const reading = readKey(sample.slice(0, at) + character + sample.slice(at + 1))
    if (reading.kind !== (at < 4 ? 'other' : 'mistyped')) throw new Error(`read as ${reading.kind}`)
  }))
})

for (const [text, kind] of [
  ['', 'other'], ['abc', 'other'], ['eyJhbGciOiJSUzI1NiJ9.e30.x', 'other'], ['PCL_k7Q2mX9a_x', 'other'],
  ['pcl_', 'mistyped'], [sample.slice(0, -1), 'mistyped'], [`${sample}0`, 'mistyped'], [`${sample}\n`, 'mistyped'],
] as const) {
  t.test(`${JSON.stringify(text.slice(0, 20))} of ${text.length} characters reads as ${kind}`, async (t) => {
    t.equal(readKey(text).kind, kind)
  })
}
