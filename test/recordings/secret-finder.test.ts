import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { SecretFinder, type Found } from '../../src/recordings/secret-finder.ts'

/** What it must find, by looking for each secret at each place. */
function naive(text: string, secrets: readonly string[]): Found {
  const longestFirst = secrets.filter(({ length }) => length >= 4).sort((one, other) => other.length - one.length)
  let clean = ''
  for (let at = 0; at < text.length;) {
    const rest = text.slice(at)
    const secret = longestFirst.find(each => each.startsWith(rest) || rest.startsWith(each))
    if (secret !== undefined && secret.length > rest.length) return { clean, held: rest }
    clean += secret === undefined ? text[at] : '[redacted]'
    at += secret?.length ?? 1
  }
  return { clean, held: '' }
}

const letters = (constraints: { readonly minLength?: number, readonly maxLength: number }) => fc.string({ unit: fc.constantFrom('a', 'b', 'é'), ...constraints })

t.test('it finds what looking for each secret at each place finds', async () => {
  fc.assert(fc.property(letters({ maxLength: 40 }), fc.array(letters({ maxLength: 9 }), { maxLength: 12 }), (text, secrets) => {
    const [found, expected] = [new SecretFinder(secrets).find(text), naive(text, secrets)]
    return found.clean === expected.clean && found.held === expected.held
  }), { numRuns: 3000 })
})

t.test('secrets that begin alike, and are beginnings of each other', async () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(6), letters({ maxLength: 4 })), { maxLength: 20 }), letters({ maxLength: 30 }), (tails, between) => {
    const secrets = tails.map(([length, tail]) => 'eyJhbG'.slice(0, length + 1) + tail)
    const text = secrets.join(between.slice(0, 2)) + between
    const [found, expected] = [new SecretFinder(secrets).find(text), naive(text, secrets)]
    return found.clean === expected.clean && found.held === expected.held
  }), { numRuns: 3000 })
})

const header = 'eyJhbGciOiJSUzI1NiIsImtpZCI6Ik5vdEFLZXlUaGF0QW55Ym9keUhhcyJ9.eyJpc3MiOiJodHRwczovL2t1YmVybmV0ZXMuZGVmYXVsdC5zdmMi'
const jwt = (number: number) => header + createHash('sha512').update(String(number)).digest('base64url').repeat(8)

t.test('of thousands of JWTs that begin alike 64 KiB of heads cost no more than of one', async (t) => {
  const many = Array.from({ length: 3000 }, (_, number) => jwt(number))
  const finder = new SecretFinder(many)
  for (const [what, head] of [['four letters', 'eyJh'], ['a head', header], ['a JWT but for its end', many[7]!.slice(0, -1)]] as const) {
    const text = `${head}.`.repeat(Math.ceil(65_536 / head.length))
    const began = process.cpuUsage()
    t.equal(finder.find(text).clean, text)
    const { user } = process.cpuUsage(began)
    t.ok(user / 1000 < 500, `${what}: ${user / 1000} ms`)
    t.comment(`${what}: ${Math.round(user / 1000)} ms for ${text.length} characters`)
  }
  t.equal(finder.find(`${many[9]} ${many[2999]}`).clean, '[redacted] [redacted]')
})

t.test('thousands are made ready in no time, and secrets may grow one from another', async (t) => {
  const chain = Array.from({ length: 3000 }, (_, number) => 'a'.repeat(number + 4))
  const began = process.cpuUsage()
  const finder = new SecretFinder([...chain, ...Array.from({ length: 3000 }, (_, number) => jwt(number))])
  const { user } = process.cpuUsage(began)
  t.ok(user / 1000 < 1000, `${user / 1000} ms`)
  t.comment(`${Math.round(user / 1000)} ms`)
  t.strictSame(finder.find(`${'a'.repeat(2000)}b`), { clean: '[redacted]b', held: '' })
})
