// Whatever is done to a single line, anywhere, is found, and at its place.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { verifyChain } from '../../src/audit-log/chain-verify.ts'
import { chained } from '../support/chained.ts'

const folder = t.testdir()
let runs = 0

/** Puts the lines into files of these lengths, and says where each is. */
function write(lines: readonly Buffer[], lengths: readonly number[], packed: boolean): { files: string[], at: (index: number) => string } {
  const own = join(folder, String(runs++))
  mkdirSync(own)
  const files: string[] = []
  const places: string[] = []
  let from = 0
  for (const [number, length] of lengths.entries()) {
    const last = number === lengths.length - 1
    const piece = lines.slice(from, last ? undefined : from + length)
    from += piece.length
    const name = last ? 'audit.log' : `audit-2026-11-28T00-00-0${number}.000.log${packed ? '.gz' : ''}`
    const text = Buffer.concat(piece.flatMap(line => [line, Buffer.from('\n')]))
    writeFileSync(join(own, name), packed && !last ? gzipSync(text) : text)
    files.push(join(own, name))
    places.push(...piece.map((_, index) => `${join(own, name)}:${index + 1}`))
  }
  return { files, at: index => places[index] ?? '' }
}

type Wrong = { readonly kind: 'changed' | 'missing' | 'added' | 'reordered', readonly lines: Buffer[], readonly places: readonly number[] }

const byteOf = (line: Buffer, at: number, to: number) => {
  const changed = Buffer.from(line)
  const index = at % line.length
  changed[index] = changed[index] === to ? to ^ 1 : to
  return changed
}

function swap(lines: readonly Buffer[], i: number, j: number): Buffer[] {
  const swapped = [...lines]
  ;[swapped[i], swapped[j]] = [lines[j]!, lines[i]!]
  return swapped
}

/** What an attacker may do to one line; the last one may not be the changed one, for nothing vouches for that. */
const deeds: Readonly<Record<string, fc.Arbitrary<(lines: readonly Buffer[], where: number, other: number) => Wrong | undefined>>> = {
  'a byte': fc.tuple(fc.nat(2000), fc.integer({ min: 32, max: 126 })).map(([at, to]) => (lines, i) =>
    i >= lines.length - 1 ? undefined : { kind: 'changed', lines: lines.with(i, byteOf(lines[i]!, at, to)), places: [i] }),
  'a text': fc.constant((lines, i) =>
    i >= lines.length - 1 ? undefined : { kind: 'changed', lines: lines.with(i, Buffer.from(lines[i]!.toString().replace('bytes-out":"1"', 'bytes-out":"2"'))), places: [i] }),
  'the whole line': fc.constantFrom('', '{}', 'x', '{"kind":"Event"}').map(text => (lines, i) =>
    i >= lines.length - 1 ? undefined : { kind: 'changed', lines: lines.with(i, Buffer.from(text)), places: [i] }),
  'a removal': fc.constant((lines, i) =>
    i === 0 || i >= lines.length - 1 ? undefined : { kind: 'missing', lines: lines.toSpliced(i, 1), places: [i] }),
  'a foreign line': fc.constantFrom('', '{}', 'x', '{"kind":"Event"}').map(text => (lines, i) =>
    i === 0 ? undefined : { kind: 'added', lines: lines.toSpliced(i, 0, Buffer.from(text)), places: [i] }),
  'a copy': fc.constant((lines, i, j) => ({ kind: 'added', lines: lines.toSpliced(i, 0, lines[j]!), places: i === j || i === j + 1 ? [j, j + 1] : [i] })),
  'a forged line with a link': fc.constant((lines, i) => {
    const forged = lines[i] ?? Buffer.alloc(0)
    return i === 0 || i >= lines.length - 1 ? undefined : { kind: 'added', lines: lines.toSpliced(i, 0, Buffer.from(forged.toString().replace('bytes-out":"1"', 'bytes-out":"2"'))), places: [i] }
  }),
  'a swap': fc.constant((lines, i, j) => i === j ? undefined : { kind: 'reordered', lines: swap(lines, i, j), places: [Math.min(i, j)] }),
}

for (const [name, deed] of Object.entries(deeds)) {
  t.test(`${name}, in any place and across files`, async (t) => {
    let found = 0
    await fc.assert(fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }), fc.nat({ max: 1000 }), fc.nat({ max: 1000 }), fc.boolean(), fc.nat({ max: 2 }), deed,
      async (lengths, a, b, packed, gone, act) => {
        // The oldest may be gone.
        const lines = chained(gone + lengths.reduce((sum, length) => sum + length, 0)).slice(gone)
        const wrong = act(lines, a % lines.length, b % lines.length)
        fc.pre(wrong !== undefined)
        const { files, at } = write(wrong.lines, lengths, packed)
        const { fault } = await verifyChain(files.toReversed())
        const where = fault === undefined ? 'nowhere' : `${fault.at.file}:${fault.at.line}`
        const expected = wrong.places.map(at)
        if (!expected.includes(where)) throw new Error(`${where} ${fault?.kind}: ${fault?.message}; expected ${expected.join(' or ')}`)
        if (fault?.kind !== wrong.kind) throw new Error(`${fault?.kind}: ${fault?.message}; expected ${wrong.kind}`)
        found += 1
      }), { numRuns: 300 })
    t.ok(found > 100, `${found} found`)
  })
}

t.test('what nobody touched is sound, in any order of the files', async (t) => {
  await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }), fc.boolean(), async (lengths, packed) => {
    const count = lengths.reduce((sum, length) => sum + length, 0)
    const { files } = write(chained(count), lengths, packed)
    const verified = await verifyChain(files.toReversed())
    if (verified.fault !== undefined || verified.lines !== count) throw new Error(JSON.stringify(verified))
  }))
  t.pass()
})
