import t from 'tap'
import type { Authenticator } from '../../src/authenticate/authenticator.ts'
import { createFirstOf } from '../../src/authenticate/first-of.ts'
import { ProxyError } from '../../src/errors.ts'
import type { Caller } from '../../src/model/caller.ts'
import { arrivalWith, definition } from './callers-stub.ts'

const caller: Caller = { definition: definition('ci'), credentialId: 'x', expiresAt: undefined }
const notMine: Authenticator = { authenticate: () => undefined, recheck: () => undefined }
const mine: Authenticator = { authenticate: async () => caller, recheck: () => caller }
const bad: Authenticator = {
  authenticate: () => { throw new ProxyError('ExpiredKey', 'ended') },
  recheck: () => new ProxyError('ExpiredKey', 'ended'),
}
const withBearer = arrivalWith('Authorization', 'Bearer x')

t.test('the first whose credential it is decides', async (t) => {
  t.equal(await createFirstOf([notMine, mine, bad]).authenticate(withBearer), caller)
  t.equal(createFirstOf([notMine, mine, bad]).recheck(caller), caller)
})

t.test('a bad credential never falls through to the next', async (t) => {
  await t.rejects(async () => createFirstOf([bad, mine]).authenticate(withBearer), { code: 'ExpiredKey' })
  t.match(createFirstOf([bad, mine]).recheck(caller), { code: 'ExpiredKey' })
})

t.test('a credential that nobody takes is refused; none at all is for the caller of this to refuse', async (t) => {
  await t.rejects(async () => createFirstOf([notMine]).authenticate(withBearer), { code: 'UnknownKey' })
  t.equal(await createFirstOf([notMine]).authenticate(arrivalWith()), undefined)
  t.equal(createFirstOf([notMine]).recheck(caller), undefined)
})
