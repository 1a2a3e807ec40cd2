import { chmodSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { describeCredential } from '../../src/credentials/describe.ts'
import { createTokenFile } from '../../src/credentials/token-file.ts'
import { handWatch } from '../support/hand-watch.ts'
import { until } from '../support/until.ts'
import { jwt } from './tokens.ts'

const first = jwt({ sub: 'system:serviceaccount:tools:portcullis', exp: 1_800_000_000, aud: ['https://k'] })
const second = jwt({ sub: 'system:serviceaccount:tools:portcullis', exp: 1_900_000_000 })

function tokenFile(t: { testdir: (files: Record<string, string>) => string }, content: string): string {
  const path = join(t.testdir({ token: content }), 'token')
  chmodSync(path, 0o600)
  return path
}

t.test('the file is the bearer token, and its claims are ours', async (t) => {
  const { watch, state } = handWatch()
  const path = tokenFile(t, `${first}\n`)
  const credential = await createTokenFile({ allowLoose: false, path, watch, warn: message => t.fail(message) })
  t.equal(credential.present().authorization, `Bearer ${first}`)
  t.equal(credential.facts().claims.expiresAt, 1_800_000_000_000)
  t.strictSame(credential.facts().claims.account, { namespace: 'tools', name: 'portcullis' })
  t.equal(describeCredential(credential.facts()), `the file ${path}, of system:serviceaccount:tools:portcullis, until 2027-01-15T08:00:00.000Z, for https://k`)
  credential.close()
  t.equal(state.closed, true)
})

t.test('a projected token is followed through its symlink swap', async (t) => {
  const folder = t.testdir({ '..v1': { token: first } })
  chmodSync(join(folder, '..v1', 'token'), 0o600)
  symlinkSync('..v1', join(folder, '..data'))
  symlinkSync('..data/token', join(folder, 'token'))
  const credential = await createTokenFile({ allowLoose: false, path: join(folder, 'token'), warn: () => undefined })
  t.teardown(() => credential.close())
  mkdirSync(join(folder, '..v2'))
  writeFileSync(join(folder, '..v2', 'token'), second, { mode: 0o600 })
  symlinkSync('..v2', join(folder, '..data_tmp'))
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
  await until(() => credential.present().authorization === `Bearer ${second}`)
  t.equal(credential.facts().claims.expiresAt, 1_900_000_000_000)
})

t.test('renewing rereads at once, whether or not a change was seen', async (t) => {
  const { watch } = handWatch()
  const path = tokenFile(t, first)
  const credential = await createTokenFile({ allowLoose: false, path, watch, warn: message => t.fail(message) })
  const rejected = credential.present()
  t.equal(await credential.renew(rejected), false)
  writeFileSync(path, second)
  t.strictSame(await Promise.all([credential.renew(rejected), credential.renew(rejected)]), [true, true])
  t.equal(credential.present().authorization, `Bearer ${second}`)
})

t.test('a file that turns bad is reported without its content, and the last good token stays', async (t) => {
  const { watch, state } = handWatch()
  const path = tokenFile(t, first)
  const warnings: string[] = []
  const credential = await createTokenFile({ allowLoose: false, path, watch, warn: message => warnings.push(message) })
  writeFileSync(path, 'S3cret S3cret')
  state.change()
  await until(() => warnings.length === 1)
  t.match(warnings[0], /token holds more than one token.*; the last good one stays in use$/)
  t.notMatch(warnings[0], /S3cret/)
  t.equal(credential.present().authorization, `Bearer ${first}`)
  writeFileSync(path, second)
  state.change()
  await until(() => warnings.length === 2)
  t.match(warnings[1], /token is good again$/)
})

t.test('a change while the file is first read is not lost', async (t) => {
  const path = tokenFile(t, first)
  const { watch, state } = handWatch()
  const starting = createTokenFile({ allowLoose: false, path, watch, warn: () => undefined })
  await new Promise(setImmediate)
  writeFileSync(path, second)
  state.change()
  t.equal((await starting).present().authorization, `Bearer ${second}`)
})

for (const [what, content, message] of [
  ['that is empty', '', /token is empty$/],
  ['with two tokens', 'a\nb', /token holds more than one token/],
  ['that is not there', undefined, /token does not exist$/],
] as const) {
  t.test(`a file ${what} is no start, and nothing is followed`, async (t) => {
    const { watch, state } = handWatch()
    const path = content === undefined ? join(t.testdir({}), 'token') : tokenFile(t, content)
    await t.rejects(createTokenFile({ allowLoose: false, path, watch, warn: () => undefined }), { message })
    t.equal(state.closed, true)
  })
}

t.test('a file that every user may read is refused, unless that is allowed', async (t) => {
  const { watch } = handWatch()
  const path = tokenFile(t, first)
  chmodSync(path, 0o604)
  await t.rejects(createTokenFile({ allowLoose: false, path, watch, warn: message => t.fail(message) }), { message: /token is open to every user of this machine \(mode 0604\)/ })
  const credential = await createTokenFile({ allowLoose: true, path, watch, warn: message => t.fail(message) })
  t.equal(credential.present().authorization, `Bearer ${first}`)
})

t.test('a file that its group may read is no matter: a volume with an fsGroup is so', async (t) => {
  const { watch } = handWatch()
  const path = tokenFile(t, first)
  chmodSync(path, 0o440)
  const credential = await createTokenFile({ allowLoose: false, path, watch, warn: message => t.fail(message) })
  t.equal(credential.present().authorization, `Bearer ${first}`)
})
