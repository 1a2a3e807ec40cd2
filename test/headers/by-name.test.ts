import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { byName, isToken, lowerCase } from '../../src/headers/by-name.ts'

function counted(): { readonly found: (name: string) => string, readonly asked: string[] } {
  const asked: string[] = []
  return { asked, found: byName((name) => { asked.push(name); return `<${name}>` }) }
}

/** Of the names not known each sixteenth is remembered. */
const often = 16

t.test('the answer for each name, in its case, is found out until it is remembered', async (t) => {
  const { found, asked } = counted()
  const names = ['Accept', 'accept', 'ACCEPT', 'constructor', '__proto__', '', 'x-\u00e9', 'x-\u0100', 'x-\ud800', 'x-\ufffd', 'kind', '\u212aind']
  for (let round = 0; round < names.length * often; round += 1) for (const name of names) if (found(name) !== `<${name}>`) t.fail(JSON.stringify(name))
  const before = asked.length
  t.ok(before <= names.length * often, `${before} times`)
  t.strictSame([...new Set(asked)].sort(), [...names].sort())
  for (const name of names) t.equal(found(name), `<${name}>`)
  t.equal(asked.length, before, 'all are remembered')
})

t.test('an answer that is false is one', async (t) => {
  let asked = 0
  const found = byName(() => { asked += 1; return false })
  for (let i = 0; i < 2 * often; i += 1) t.equal(found('a'), false)
  t.equal(asked, often)
})

t.test('no more than a thousand are remembered, and no long ones', async (t) => {
  const { found, asked } = counted()
  const learn = (name: string) => { for (let i = 0; i < often; i += 1) found(name) }
  const isKnown = (name: string) => {
    const before = asked.length
    found(name)
    return asked.length === before
  }
  for (let i = 0; i < 1_000; i += 1) learn(`x-${i}`)
  t.ok(isKnown('x-0'))
  learn('one-more')
  t.ok(isKnown('one-more'))
  t.notOk(isKnown('x-0'))
  for (const [length, known] of [[64, true], [65, false]] as const) {
    const name = 'x'.repeat(length)
    learn(name)
    t.equal(isKnown(name), known, `${length} characters`)
    t.equal(found(name), `<${name}>`)
  }
})

t.test('a head of names that nobody else sends costs others what they know at most once in sixteen thousand', async (t) => {
  const { found, asked } = counted()
  for (let i = 0; i < often; i += 1) found('Accept')
  for (let i = 0; i < 10_000; i += 1) found(`x-${i}`)
  const before = asked.length
  found('Accept')
  t.equal(asked.length, before)
})

t.test('of a text that a name is a piece of, nothing is kept in memory', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 1_000 * often; i += 1) {
    const head = Buffer.from(`x-in-lower-case-${i}: ${'v'.repeat(16_384)}`).toString('latin1')
    lowerCase(head.slice(0, head.indexOf(':')))
    isToken(head.slice(0, head.indexOf(':')))
  }
  collect()
  const kept = process.memoryUsage().heapUsed - before
  t.ok(kept < 4 << 20, `${kept >> 10} KiB`)
})

t.test('names in lower case, and names that are tokens', async (t) => {
  for (const [name, lower] of [['Content-Length', 'content-length'], ['content-length', 'content-length'], ['X_A', 'x_a']] as const) t.equal(lowerCase(name), lower)
  for (const name of ['', ' ', 'a b', 'a:', 'a\r', '\u00e9', 'a\n']) t.equal(isToken(name), false, JSON.stringify(name))
  for (const name of ['a', "!#$%&'*+-.^_`|~", 'Audit-Id']) t.equal(isToken(name), true, name)
})
