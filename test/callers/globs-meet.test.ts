import fc from 'fast-check'
import t from 'tap'
import { matchesGlob } from '../../src/glob.ts'
import { globsMeet } from '../../src/callers/globs-meet.ts'

for (const [a, b, meet] of [
  ['a', 'a', true], ['a', 'b', false], ['a-*', 'a-b', true], ['a-*', 'b-*', false], ['a-*', '*-b', true],
  ['a*', 'a', true], ['*', 'x', true], ['*a', '*b', false], ['a*c', 'ab*', true], ['a*b*c', 'axc', false], ['**', '*', true], ['', 'a', false],
] as const) {
  t.test(`${a} and ${b} ${meet ? 'meet' : 'do not meet'}`, async t => t.strictSame([globsMeet(a, b), globsMeet(b, a)], [meet, meet]))
}

const glob = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 4 })
const names = ['a', 'b'].flatMap(one => ['', 'a', 'b', 'aa', 'ab', 'ba', 'bb', 'aab', 'aba', 'baa', 'abb', 'bab', 'bba', 'aaab', 'abab', 'abba', 'baba', 'bbab', 'aabab', 'babab'].map(rest => one + rest))

t.test('two globs that match one name meet', async () => {
  fc.assert(fc.property(glob, glob, fc.constantFrom(...names), (a, b, name) => {
    fc.pre(matchesGlob(a, name) && matchesGlob(b, name))
    return globsMeet(a, b)
  }), { numRuns: 500 })
})

t.test('two globs that meet match a name that is no longer than both together', async () => {
  fc.assert(fc.property(glob, glob, (a, b) => {
    fc.pre(globsMeet(a, b))
    const all = (length: number): string[] => length === 0 ? [''] : all(length - 1).flatMap(rest => [`${rest}a`, `${rest}b`])
    return Array.from({ length: a.length + b.length + 1 }, (_, length) => all(length)).flat().some(name => fits(a, name) && fits(b, name))
  }), { numRuns: 100 })
})

function fits(glob: string, name: string): boolean {
  return new RegExp(`^${glob.replaceAll('*', '.*')}$`).test(name)
}
