import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { HeldBack } from '../../src/recordings/held-back.ts'
import { keyFor } from '../support/keys.ts'

const secret = 'opaque-secret-0123456789'
const longer = `${secret}-and-more`
const { key } = keyFor('k7Q2mX9a')

function written(pieces: readonly string[], known: readonly string[] = [longer, secret]): string {
  const held = new HeldBack(() => known)
  return pieces.map(piece => held.push(piece)).join('') + held.end()
}

t.test('what holds no secret comes out as it went in, however it is cut', async () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 30 })), pieces => written(pieces) === pieces.join('')))
})

const rows: [string, string, string][] = [
  ['a secret', `a ${secret} b`, 'a [redacted] b'],
  ['a secret alone', secret, '[redacted]'],
  ['twice, without anything between', `${secret}${secret}.`, '[redacted][redacted].'],
  ['the longer of two', `${longer}.`, '[redacted].'],
  ['the shorter of two', `${secret}-and-less.`, '[redacted]-and-less.'],
  ['a secret behind its own beginning', `opaque-${secret}`, 'opaque-[redacted]'],
  ['a secret between characters of two bytes', `é${secret}é`, 'é[redacted]é'],
  ['an API key', `x ${key} y`, 'x pcl_k7Q2mX9a_[redacted] y'],
  ['an API key alone', key, 'pcl_k7Q2mX9a_[redacted]'],
  ['an API key in base64', `x ${Buffer.from(key).toString('base64')} y`, 'x [redacted] y'],
  ['a secret behind a key', `${key} ${secret}`, 'pcl_k7Q2mX9a_[redacted] [redacted]'],
  ['half a secret at the end', `x ${secret.slice(0, 12)}`, 'x [redacted]'],
  ['a few letters at the end', 'x opaq', 'x opaq'],
  ['half a key at the end', `x ${key.slice(0, 30)}`, 'x pcl_k7Q2mX9a_[redacted]'],
  ['half a secret that then is none', `x ${secret.slice(0, 20)}!`, `x ${secret.slice(0, 20)}!`],
]
for (const [name, text, expected] of rows) {
  t.test(`kept back: ${name}`, async (t) => {
    t.equal(written([text]), expected, 'in one piece')
    t.equal(written([...text]), expected, 'character by character')
    for (let cut = 1; cut < text.length; cut += 1) t.equal(written([text.slice(0, cut), text.slice(cut)]), expected, `cut at ${cut}`)
  })
}

t.test('what is known may change meanwhile', async (t) => {
  let known: readonly string[] = []
  const held = new HeldBack(() => known)
  t.equal(held.push(`${secret} `), `${secret} `)
  known = [secret]
  t.equal(held.push(`${secret} `), '[redacted] ')
})

t.test('nothing is kept that cannot become a secret, and never more than one', async (t) => {
  const held = new HeldBack(() => [secret])
  t.equal(held.push('plain text'), 'plain text')
  t.equal(held.push('o'), '')
  t.equal(held.push('x'), 'ox')
  const run = 'pcl_x_' + 'a'.repeat(100_000)
  t.ok(held.push(run).length + held.push(' ').length > 0)
  t.match(written([run, ' and more']), / and more$/)
})

t.test('with hundreds of secrets a MiB costs no more than with one', async (t) => {
  const many = Array.from({ length: 3000 }, (_, i) => createHash('sha512').update(String(i)).digest(i % 2 === 0 ? 'hex' : 'base64url').repeat(1 + i % 5))
  const text = 'ls -la /var/log: total 1234, secret sauce and more of it\r\n'.repeat(20_000)
  const began = process.cpuUsage()
  const held = new HeldBack(() => many)
  for (let at = 0; at < text.length; at += 4096) held.push(text.slice(at, at + 4096))
  const { user } = process.cpuUsage(began)
  t.ok(user / 1000 < 1000, `${user / 1000} ms for ${text.length} characters`)
  t.comment(`${Math.round(user / 1000)} ms for ${text.length} characters`)
})

t.test('a thousand sessions under the same secrets cost no more than one', async (t) => {
  const many = Array.from({ length: 3000 }, (_, i) => `eyJhbGciOi${createHash('sha512').update(String(i)).digest('base64url').repeat(8)}`)
  const began = process.cpuUsage()
  for (let i = 0; i < 1000; i += 1) new HeldBack(() => many).push('x')
  const { user } = process.cpuUsage(began)
  t.ok(user / 1000 < 2000, `${user / 1000} ms`)
})
