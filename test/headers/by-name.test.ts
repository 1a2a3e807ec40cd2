import t from 'tap'
import { byName, isToken, lowerCase } from '../../src/headers/by-name.ts'

function counted(): { readonly found: (name: string) => string, readonly asked: string[] } {
  const asked: string[] = []
  return { asked, found: byName((name) => { asked.push(name); return `<${name}>` }) }
}

t.test('an answer is found once for each name, in its case', async (t) => {
  const { found, asked } = counted()
  const names = ['Accept', 'accept', 'ACCEPT', 'constructor', '__proto__', '', 'x-\u00e9', 'x-\u0100', 'x-\ud800', 'x-\ufffd']
  for (let round = 0; round < 3; round += 1) for (const name of names) t.equal(found(name), `<${name}>`)
  t.same(asked, names)
})

t.test('an answer that is false is one', async (t) => {
  let asked = 0
  const found = byName(() => { asked += 1; return false })
  t.equal(found('a'), false)
  t.equal(found('a'), false)
  t.equal(asked, 1)
})

t.test('no more than a thousand are remembered, and no long ones', async (t) => {
  const { found, asked } = counted()
  for (let i = 0; i < 1_000; i += 1) found(`x-${i}`)
  found('x-0')
  t.equal(asked.length, 1_000)
  found('one-more')
  found('x-0')
  t.equal(asked.length, 1_002)
  const long = 'x'.repeat(65)
  found(long)
  t.equal(found(long), `<${long}>`)
  t.equal(asked.length, 1_004)
})

t.test('names in lower case, and names that are tokens', async (t) => {
  for (const [name, lower] of [['Content-Length', 'content-length'], ['content-length', 'content-length'], ['X_A', 'x_a']] as const) t.equal(lowerCase(name), lower)
  for (const name of ['', ' ', 'a b', 'a:', 'a\r', '\u00e9', 'a\n']) t.equal(isToken(name), false, JSON.stringify(name))
  for (const name of ['a', "!#$%&'*+-.^_`|~", 'Audit-Id']) t.equal(isToken(name), true, name)
})
