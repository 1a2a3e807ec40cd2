import t from 'tap'
import { describeCredential } from '../../src/credentials/describe.ts'
import { createTokenEnv } from '../../src/credentials/token-env.ts'
import { jwt } from './tokens.ts'

const token = jwt({ sub: 'system:serviceaccount:tools:portcullis', exp: 1_800_000_000 })

t.test('the variable is the bearer token, its claims are ours', async (t) => {
  const credential = createTokenEnv({ variable: 'T', env: { T: `${token}\n` } })
  t.equal(credential.present().authorization, `Bearer ${token}`)
  t.equal(credential.facts().claims.expiresAt, 1_800_000_000_000)
  t.strictSame(credential.facts().claims.account, { namespace: 'tools', name: 'portcullis' })
  t.equal(describeCredential(credential.facts()), 'the environment variable T, of system:serviceaccount:tools:portcullis, until 2027-01-15T08:00:00.000Z')
})

t.test('it cannot be renewed, unless what was rejected was another', async (t) => {
  const credential = createTokenEnv({ variable: 'T', env: { T: token } })
  t.equal(await credential.renew(credential.present()), false)
  t.equal(await credential.renew({ authorization: 'Bearer another', certificate: undefined }), true)
})

for (const [what, value, message] of [
  ['that is not set', undefined, 'the environment variable T is not set'],
  ['that is empty', ' \n', 'the token in the environment variable T is empty'],
  ['with two lines', 'S3cret\nX-Other: y', /holds more than one token/],
] as const) {
  t.test(`a variable ${what} is an error that does not repeat it`, async (t) => {
    t.throws(() => createTokenEnv({ variable: 'T', env: { T: value } }), { message })
    t.throws(() => createTokenEnv({ variable: 'T', env: { T: value } }), { message: /^(?!.*S3cret)/s })
  })
}
