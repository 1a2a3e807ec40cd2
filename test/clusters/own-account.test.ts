import t from 'tap'
import { OwnAccount } from '../../src/clusters/own-account.ts'
import { noClaims, type Claims } from '../../src/credentials/claims.ts'
import type { Presented } from '../../src/credentials/credential.ts'
import { ProxyError } from '../../src/errors.ts'
import { apiOf, manualSchedule, refused, type Api } from '../support/own-questions.ts'

const bot = 'system:serviceaccount:bots:ci'
const reviewed = (username: string, groups: readonly string[] = []) => ({ status: { userInfo: { username, groups } } })
const v1 = 'POST /apis/authentication.k8s.io/v1/selfsubjectreviews'
const v1beta1 = 'POST /apis/authentication.k8s.io/v1beta1/selfsubjectreviews'
const v1alpha1 = 'POST /apis/authentication.k8s.io/v1alpha1/selfsubjectreviews'
const whoami = 'GET /apis/user.openshift.io/v1/users/~'

interface Held {
  token: string
  claims: Partial<Claims>
}

function start(answers: Api, held: Held = { token: 'sha256~a', claims: {} }) {
  const api = apiOf(answers)
  const warnings: string[] = []
  const log = { warn: (_: object, message: string) => void warnings.push(message), debug() {} }
  const schedule = manualSchedule()
  let presented: Presented = { authorization: `Bearer ${held.token}`, certificate: undefined }
  const credential = {
    present() {
      if (held.token === '') throw new ProxyError('CredentialRejected', 'none yet')
      const authorization = `Bearer ${held.token}`
      if (presented.authorization !== authorization) presented = { authorization, certificate: undefined }
      return presented
    },
    facts: () => ({ kind: 'tokenFile', source: '', renewal: '', claims: { ...noClaims, ...held.claims }, trouble: undefined }) as const,
  }
  const own = new OwnAccount({ credential, fetch: api.fetch, log, schedule: schedule.schedule })
  t.teardown(() => own.close())
  return { own, api, held, warnings, schedule }
}

t.test('what the claims say is not asked for', async (t) => {
  const { own, api } = start({}, { token: 'a', claims: { account: { namespace: 'bots', name: 'ci' } } })
  await own.tried
  t.strictSame(own.current(), { account: { namespace: 'bots', name: 'ci' }, pending: false })
  t.strictSame(own.identity(), { user: bot, groups: ['system:serviceaccounts', 'system:serviceaccounts:bots', 'system:authenticated'] })
  t.strictSame(api.asked, [])
})

t.test('an opaque credential is the API server\'s to explain; until then it is pending', async (t) => {
  const rows: [why: string, answers: Api, asked: string[]][] = [
    ['a SelfSubjectReview', { [v1]: reviewed(bot, ['x']) }, [v1]],
    ['the one of Kubernetes 1.27', { [v1beta1]: reviewed(bot, ['x']) }, [v1, v1beta1]],
    ['the one of Kubernetes 1.26', { [v1alpha1]: reviewed(bot, ['x']) }, [v1, v1beta1, v1alpha1]],
    ['what oc whoami asks', { [whoami]: { metadata: { name: bot }, groups: ['x'] } }, [v1, v1beta1, v1alpha1, whoami]],
    ['also where reviews are forbidden', { [v1]: refused(403), [v1beta1]: refused(403), [whoami]: { metadata: { name: bot }, groups: ['x'] } }, [v1, v1beta1, v1alpha1, whoami]],
  ]
  for (const [why, answers, asked] of rows) {
    const { own, api, warnings } = start(answers)
    t.strictSame(own.current(), { account: undefined, pending: true }, why)
    t.equal(own.identity(), undefined, why)
    await own.tried
    t.strictSame(own.current(), { account: { namespace: 'bots', name: 'ci' }, pending: false }, why)
    t.strictSame(own.identity(), { user: bot, groups: ['x'] }, why)
    t.strictSame(api.asked, asked, why)
    t.strictSame(warnings, [], why)
  }
})

t.test('the review is sent as the API server wants it', async (t) => {
  const { own, api } = start({ [v1]: reviewed(bot) })
  await own.tried
  t.strictSame(api.bodies, [{ kind: 'SelfSubjectReview', apiVersion: 'authentication.k8s.io/v1' }])
  t.strictSame(api.headers[0], ['Accept', 'application/json', 'Content-Type', 'application/json'])
})

t.test('a user that is no service account is known, and lives in no namespace', async (t) => {
  for (const user of ['kube:admin', 'alice', 'system:serviceaccount:bots', 'system:node:n']) {
    const { own } = start({ [v1]: reviewed(user) })
    await own.tried
    t.strictSame(own.current(), { account: { namespace: '', name: user }, pending: false }, user)
  }
})

const nobody = { account: undefined, pending: false }
const asking = { account: undefined, pending: true }
const known = { account: { namespace: 'bots', name: 'ci' }, pending: false }

/** Of a server that has no way to tell. */
const absent: [why: string, answers: Api][] = [
  ['nothing is there', {}], ['everything is an empty object', { [v1]: {}, [v1beta1]: {}, [v1alpha1]: {}, [whoami]: {} }],
  ['a list', { [v1]: [] }], ['text', { [v1]: '"ok"' }], ['a review without an answer', { [v1]: { status: {} } }],
]

/** Of one that may have one. */
const odd: [why: string, answers: Api][] = [
  ['reviews are forbidden', { [v1]: refused(403) }], ['whoami is forbidden', { [whoami]: refused(403) }], ['a redirect', { [v1]: refused(302) }],
  ['a page', { [v1]: '<html>maintenance</html>' }], ['nothing', { [v1]: '' }], ['nobody', { [v1]: reviewed('') }],
  ['nobody in particular', { [v1]: reviewed('system:anonymous') }], ['groups that are none', { [v1]: { status: { userInfo: { username: bot, groups: [1] } } } }],
]

t.test('where an API server has no way to tell there is no doubt, and one warning; it is asked again later', async (t) => {
  for (const [why, answers] of absent) {
    const { own, api, warnings, schedule } = start(answers)
    await own.tried
    t.strictSame(own.current(), nobody, why)
    t.equal(own.identity(), undefined, why)
    t.equal(api.asked.length, 4, why)
    await schedule.next(() => api.asked.length === 8)
    t.strictSame(own.current(), nobody, why)
    t.strictSame(schedule.waits, [8000, 16_000], why)
    t.match(warnings, [/own-credential/], why)
    t.equal(warnings.length, 1, why)
  }
})

t.test('an odd answer is believed when it is the fourth in a row, within what a start waits', async (t) => {
  for (const [why, given] of odd) {
    const answers = { ...given }
    const { own, api, warnings, schedule } = start(answers)
    let tried = false
    void own.tried.then(() => { tried = true })
    await settled()
    for (const asked of [8, 12, 16]) {
      t.strictSame([own.current(), tried, warnings], [asking, false, []], `${why}, ${asked}`)
      await schedule.next(() => api.asked.length === asked)
    }
    await own.tried
    t.strictSame(own.current(), nobody, why)
    t.equal(warnings.length, 1, why)
    await schedule.next(() => api.asked.length === 20)
    t.strictSame(schedule.waits, [500, 500, 500, 8000, 16_000], `${why}: asked again once and later`)
    answers[v1] = reviewed(bot)
    await schedule.next(() => api.asked.length === 21)
    t.strictSame(own.current(), known, why)
  }
})

t.test('of an API server that was not there before, and may be starting, it is the fifth, over ten seconds', async (t) => {
  for (const [why, answers] of odd) {
    const down: Api = { [v1]: new ProxyError('UpstreamUnreachable', 'down') }
    const { own, api, schedule } = start(down)
    await own.tried
    delete down[v1]
    Object.assign(down, answers)
    for (const asked of [5, 9, 13, 17, 21]) {
      t.strictSame(own.current(), asking, `${why}, ${asked}`)
      await schedule.next(() => api.asked.length === asked)
    }
    t.strictSame(own.current(), nobody, why)
    t.strictSame(schedule.waits, [1000, 2500, 2500, 2500, 2500, 8000], why)
  }
})

t.test('one that was not there before and has no way to tell says so at once', async (t) => {
  for (const [why, answers] of absent) {
    const down: Api = { [v1]: refused(503) }
    const { own, api, schedule } = start(down)
    await own.tried
    delete down[v1]
    Object.assign(down, answers)
    await schedule.next(() => api.asked.length === 5)
    t.strictSame(own.current(), nobody, why)
  }
})

t.test('once it is known, no lack of an answer changes it', async (t) => {
  const troubles: [why: string, answers: Api][] = [
    ...absent, ...odd, ['a failure', { [v1]: refused(503) }], ['no connection', { [v1]: new ProxyError('UpstreamUnreachable', 'down') }],
  ]
  for (const [why, answers] of troubles) {
    const given: Api = { [v1]: reviewed(bot) }
    const { own, held, schedule, warnings } = start(given)
    await own.tried
    delete given[v1]
    Object.assign(given, answers)
    held.token = 'sha256~b'
    for (let round = 0; round < 12; round++) {
      own.current()
      await settled()
      await schedule.next(() => true)
      await settled()
      t.strictSame(own.current(), known, `${why}, ${round}`)
      t.match(own.identity(), { user: bot }, why)
    }
    t.strictSame(warnings, [], why)
    given[v1] = reviewed('system:serviceaccount:other:ci')
    await schedule.next(() => own.current().account?.namespace === 'other')
    t.match(own.current(), { account: { namespace: 'other' }, pending: false }, why)
  }
})

t.test('nor where a credential that named its account is replaced by one that names none', async (t) => {
  const { own, held, api } = start({}, { token: 'a', claims: { account: { namespace: 'a', name: 'ci' }, user: 'system:serviceaccount:a:ci' } })
  await own.tried
  Object.assign(held, { token: 'b', claims: { account: { namespace: 'bots', name: 'ci' }, user: bot } })
  t.match(own.current(), { account: { namespace: 'bots' } })
  await settled()
  Object.assign(held, { token: 'sha256~c', claims: {} })
  t.strictSame(own.current(), known)
  await settled()
  t.equal(api.asked.length, 4)
  t.strictSame(own.current(), known)
})

t.test('one that names somebody else is nobody\'s only when nothing has told for ten seconds', async (t) => {
  for (const [why, answers] of [...absent, ...odd]) {
    const given: Api = { [v1]: reviewed('alice') }
    const { own, held, api, schedule } = start(given, { token: 'a', claims: { user: 'alice' } })
    await own.tried
    delete given[v1]
    Object.assign(given, answers)
    Object.assign(held, { token: 'b', claims: { user: 'ci' } })
    own.current()
    await settled()
    for (const asked of [9, 13, 17, 21]) {
      t.strictSame(own.current(), asking, `${why}, ${asked}`)
      await schedule.next(() => api.asked.length === asked)
    }
    t.strictSame(own.current(), nobody, why)
  }
})

t.test('while there is no answer it stays pending, and is tried ever more slowly', async (t) => {
  const answers: Api = { [v1]: refused(503) }
  const { own, api, schedule, warnings } = start(answers)
  await own.tried
  for (const [at, trouble] of [refused(429), refused(408), new ProxyError('UpstreamUnreachable', 'down'), new ProxyError('CredentialRejected', '401'), reviewed(bot)].entries()) {
    t.strictSame(own.current(), { account: undefined, pending: true })
    answers[v1] = trouble
    await schedule.next(() => api.asked.length === at + 2)
  }
  t.strictSame(schedule.waits, [1000, 2000, 4000, 8000, 10_000])
  t.strictSame(own.current(), { account: { namespace: 'bots', name: 'ci' }, pending: false })
  t.strictSame(warnings, [])
})

t.test('requests do not hurry what is tried again with back-off', async (t) => {
  const { own, api, held } = start({ [v1]: refused(500) })
  await own.tried
  held.token = 'sha256~b'
  for (let request = 0; request < 10; request++) own.current()
  await settled()
  t.equal(api.asked.length, 1)
})

t.test('a renewed credential is asked about anew, once; the last answer stands meanwhile', async (t) => {
  const answers: Api = { [v1]: reviewed(bot) }
  const { own, api, held } = start(answers)
  await own.tried
  for (let request = 0; request < 10; request++) own.current()
  await settled()
  t.equal(api.asked.length, 1, 'the same one is not asked about again')
  answers[v1] = reviewed('system:serviceaccount:other:ci')
  held.token = 'sha256~b'
  for (let request = 0; request < 10; request++) t.match(own.current(), { account: { namespace: 'bots' }, pending: false })
  await settled()
  t.match(own.current(), { account: { namespace: 'other' }, pending: false })
  t.equal(api.asked.length, 2)
})

t.test('one that itself names somebody else is pending again', async (t) => {
  const answers: Api = { [v1]: reviewed('alice') }
  const { own, held } = start(answers, { token: 'a', claims: { user: 'alice' } })
  await own.tried
  t.match(own.current(), { account: { namespace: '', name: 'alice' } })
  answers[v1] = reviewed(bot)
  Object.assign(held, { token: 'b', claims: { user: 'ci' } })
  t.strictSame(own.current(), { account: undefined, pending: true })
  t.equal(own.identity(), undefined)
  await settled()
  t.match(own.current(), { account: { namespace: 'bots' }, pending: false })
})

t.test('a credential that is yet to be obtained is pending, and its claims count as soon as it is there', async (t) => {
  const { own, held } = start({ [v1]: new ProxyError('CredentialRejected', 'none yet') }, { token: '', claims: {} })
  await own.tried
  t.equal(own.current().pending, true)
  Object.assign(held, { token: 'a', claims: { account: { namespace: 'bots', name: 'ci' } } })
  t.strictSame(own.current(), { account: { namespace: 'bots', name: 'ci' }, pending: false })
})

t.test('closing stops a row of questions, between two of them and while one is under way', async (t) => {
  for (const [waits, before] of [[[], () => undefined], [[500], settled]] as const) {
    const { own, api, schedule } = start({ [v1]: refused(403) })
    await before()
    own.close()
    await own.tried
    t.strictSame(schedule.waits, waits)
    await schedule.next(() => true)
    t.equal(api.asked.length, 4)
  }
})

t.test('closing stops asking', async (t) => {
  const { own, api, held, schedule } = start({ [v1]: refused(500) })
  own.close()
  await own.tried
  t.strictSame(schedule.waits, [])
  held.token = 'sha256~b'
  own.current()
  await settled()
  t.equal(api.asked.length, 1)
  t.equal(api.signals[0]?.aborted, true)
})

/** Whatever was asked by now is answered and understood. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => { setImmediate(resolve) })
}
