// Only what a credential may meet is looked at; what is found is what a look at every condition finds.
import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import t from 'tap'
import { CertificateOwners } from '../../src/authenticate/certificate-owners.ts'
import { claimsMatch, isFor } from '../../src/authenticate/claims.ts'
import { ConditionIndex } from '../../src/authenticate/condition-index.ts'
import { callersOf, trustedIssuers } from '../../src/authenticate/jwt-trusted.ts'
import { ProxyError } from '../../src/errors.ts'
import type { Issuer } from '../../src/issuers/issuer.ts'
import type { CallerDefinition } from '../../src/model/caller.ts'
import type { CertificateCondition, JwtCondition, KeySource, PeerCertificate } from '../../src/model/identity.ts'
import { definition } from './callers-stub.ts'

const some = <T>(...of: T[]) => fc.constantFrom(...of)
const list = <T>(one: fc.Arbitrary<T>, { minLength = 0, maxLength = 3 } = {}) => fc.array(one, { minLength, maxLength, size: 'max' })

const text = some('a', 'ab', 'abc', 'b', '')
const expected = fc.oneof(text, some('a*', 'a*', 'ab*', '*b', 'a*c', '*'), some<number | boolean>(1, 0, -0, true, false))
const path = some(['sub'], ['sub'], ['sub'], ['other'], ['other'], ['nested', 'x'], ['__proto__'], ['nested'])
const said = fc.oneof(text, list(text, { minLength: 1 }), some<unknown>(1, 0, true, null, { x: 'a' }))
const audience = some('p', 'p', 'p', 'p', 'q')
const algorithm = some('ES256', 'ES256', 'ES256', 'RS256')

const sources: readonly KeySource[] = ['one', 'two', 'unused'].map(file => ({ kind: 'file', file }))
const issuerOf = (gone: string): Issuer => ({ find: () => Promise.resolve(undefined), holds: digest => digest !== gone })
const [one, two] = [issuerOf('gone'), issuerOf('gone')]
const issuers = { of: (source: KeySource) => source.kind !== 'file' ? undefined : ({ one, two } as Record<string, Issuer>)[source.file] }

const jwt: fc.Arbitrary<JwtCondition> = fc.record({
  issuer: fc.constant('i'), audiences: fc.array(audience, { minLength: 1, maxLength: 2 }), source: some(...sources, ...sources.slice(0, 1), ...sources.slice(0, 2)),
  algorithms: fc.array(algorithm, { minLength: 1, maxLength: 2 }),
  claims: fc.oneof(list(fc.record({ path: fc.constant(['sub']), expected }), { minLength: 1, maxLength: 1 }), list(fc.record({ path, expected }), { maxLength: 2 })),
})
const token = fc.record({
  issuer: fc.constant('i'), algorithm, expiresAt: fc.constant(1),
  by: fc.oneof(fc.constant([one, two].map(issuer => ({ issuer, digest: 'here' }))), list(fc.record({ issuer: some(one, two), digest: some('here', 'here', 'gone') }))),
  claims: fc.record({ aud: fc.oneof(audience, list(audience), audience, some<unknown>(1, null)), sub: said, other: said, nested: fc.oneof(fc.record({ x: said }), said) }, { requiredKeys: ['aud', 'sub'] }),
})

function callersWith<T>(conditions: readonly (readonly T[])[], identities: (own: readonly T[]) => CallerDefinition['identities']): CallerDefinition[] {
  return conditions.map((own, index) => ({ ...definition(`c${index}`), identities: identities(own) }))
}

const names = (found: readonly CallerDefinition[] | ProxyError) => found instanceof ProxyError ? found.message : found.map(({ name }) => name)

/** One condition after the other. */
function scan(callers: readonly CallerDefinition[], { by, algorithm, claims }: Parameters<typeof callersOf>[0]): string | string[] {
  const all = callers.flatMap(({ name, identities }) => (identities?.jwts ?? []).map(condition => ({ name, condition, issuer: issuers.of(condition.source) })))
  const vouched = all.filter(({ issuer }) => issuer !== undefined && by.some(one => one.issuer === issuer && issuer.holds(one.digest)))
  if (vouched.length === 0) return 'the bearer token is signed by a key that its issuer does not have any more'
  const allowed = vouched.filter(({ condition }) => condition.algorithms.includes(algorithm))
  if (allowed.length === 0) return 'the bearer token is signed by an algorithm that is not allowed here'
  const meant = allowed.filter(({ condition }) => isFor(condition.audiences, claims))
  if (meant.length === 0) return 'the bearer token is for another audience (aud) than the callers of its issuer have'
  return [...new Set(meant.filter(({ condition }) => claimsMatch(condition.claims, claims)).map(({ name }) => name))]
}

t.test('a token is of the callers that a look at every condition finds, in their order, or refused for the same reason', async (t) => {
  const found = { none: 0, one: 0, more: 0, refused: 0 }
  fc.assert(fc.property(list(list(jwt, { minLength: 1 }), { maxLength: 8 }), token, (conditions, token) => {
    const callers = callersWith(conditions, jwts => ({ jwts, certificates: [] }))
    const result = names(callersOf(token, trustedIssuers(callers, issuers).get('i')?.groups ?? []))
    found[typeof result === 'string' ? 'refused' : result.length === 0 ? 'none' : result.length === 1 ? 'one' : 'more'] += 1
    deepStrictEqual(result, scan(callers, token))
  }), { numRuns: 3000 })
  t.ok(Object.values(found).every(count => count > 30), `each result came about: ${JSON.stringify(found)}`)
})

const subject = fc.dictionary(some('CN', 'O'), fc.array(some('a', 'b'), { minLength: 1, maxLength: 2 }))
const [name, digest] = [some('DNS:a', 'DNS:b', 'URI:a'), some('aa', 'bb')]
const certificateCondition: fc.Arbitrary<CertificateCondition> = fc.record({
  subject: fc.option(subject, { nil: undefined }), subjectAltName: fc.option(name, { nil: undefined }), publicKeySha256: fc.option(digest, { nil: undefined }),
})
const certificate: fc.Arbitrary<PeerCertificate> = fc.record({
  chain: fc.constant([]), subject, subjectAltNames: list(name), publicKeySha256: digest, notBefore: fc.constant(0), notAfter: fc.constant(1),
})

function isCallers({ subject, subjectAltName, publicKeySha256 }: CertificateCondition, has: PeerCertificate): boolean {
  const alike = (one: PeerCertificate['subject']) => ['CN', 'O'].every(name => String(one[name]?.toSorted()) === String(has.subject[name]?.toSorted()))
  return (subject ?? subjectAltName ?? publicKeySha256) !== undefined
    && (subject === undefined || alike(subject))
    && (subjectAltName === undefined || has.subjectAltNames.includes(subjectAltName))
    && (publicKeySha256 === undefined || has.publicKeySha256 === publicKeySha256)
}

t.test('a certificate is of the callers that a look at every condition finds, in their order', async (t) => {
  const found = { none: 0, one: 0, more: 0 }
  fc.assert(fc.property(list(list(certificateCondition), { maxLength: 8 }), certificate, (conditions, certificate) => {
    const callers = callersWith(conditions, certificates => ({ jwts: [], certificates }))
    const result = names(new CertificateOwners(callers).of(certificate))
    found[result.length === 0 ? 'none' : result.length === 1 ? 'one' : 'more'] += 1
    deepStrictEqual(result, callers.filter(({ identities }) => identities?.certificates.some(one => isCallers(one, certificate))).map(({ name }) => name))
  }), { numRuns: 2000 })
  t.ok(Object.values(found).every(count => count > 30), `each result came about: ${JSON.stringify(found)}`)
})

t.test('of ten thousand conditions only the few that may fit are candidates; those without a mark always are', async (t) => {
  const all = Array.from({ length: 10_000 }, (_, index) => `${index}`)
  const index = new ConditionIndex([...all, 'any'], one => one === 'any' ? [] : [{ place: 'shared', whole: 'x' }, Number(one) % 2 === 0 ? { place: 'own', whole: one } : { place: 'own', start: `${one}:` }])
  const candidates = (own: unknown) => [...index.candidates(place => place === 'own' ? [own] : ['x'])]
  t.strictSame(candidates('42'), ['any', '42'])
  t.strictSame(candidates('43:main'), ['any', '43'])
  t.strictSame(candidates('43'), ['any'])
  t.strictSame(candidates(42), ['any'])
})
