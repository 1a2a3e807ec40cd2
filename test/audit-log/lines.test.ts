import fc from 'fast-check'
import t from 'tap'
import { LineSplitter, type RawLine } from '../../src/audit-log/lines.ts'

function split(chunks: readonly Buffer[], longest?: number): RawLine[] {
  const splitter = new LineSplitter(longest)
  return [...chunks.flatMap(chunk => splitter.push(chunk)), ...splitter.end()]
}

const texts = (lines: readonly RawLine[]) => lines.map(({ bytes }) => bytes.toString())

t.test('lines are the same wherever the chunks end', async () => {
  fc.assert(fc.property(fc.array(fc.constantFrom('a', 'é', '\n', '{}', '€'), { maxLength: 30 }), fc.array(fc.nat(60), { maxLength: 8 }), (parts, cuts) => {
    const whole = Buffer.from(parts.join(''))
    const at = [...new Set([0, ...cuts.map(cut => Math.min(cut, whole.length)), whole.length])].sort((a, b) => a - b)
    const chunks = at.slice(1).map((end, index) => whole.subarray(at[index], end))
    const expected = whole.toString().split('\n')
    if (expected.at(-1) === '') expected.pop()
    t.strictSame(texts(split(chunks)), expected)
  }))
})

t.test('they are counted from one, and only the last may be without its end', async (t) => {
  t.strictSame(split([Buffer.from('a\n\nb')]).map(({ number, ended }) => [number, ended]), [[1, true], [2, true], [3, false]])
  t.strictSame(split([Buffer.from('a\n')]).map(({ ended }) => ended), [true])
  t.strictSame(split([]), [])
})

t.test('a line that is too long is passed over without being held, and the next is read', async (t) => {
  const piece = Buffer.from('xxxxx')
  for (const chunks of [[piece, piece, Buffer.from('x\nnext\n')], [Buffer.from('xxxxxxxxxxx\nnext\n')]]) {
    t.strictSame(split(chunks, 10).map(({ number, bytes, tooLong }) => [number, bytes.toString(), tooLong]), [[1, '', true], [2, 'next', false]])
  }
  t.strictSame(split([piece, piece, piece], 10).map(({ tooLong, ended }) => [tooLong, ended]), [[true, false]])
  t.strictSame(texts(split([piece, piece, Buffer.from('\n')], 10)), ['xxxxxxxxxx'], 'as long as may be is not too long')
})
