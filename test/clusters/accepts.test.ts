import t from 'tap'
import { createAccepts } from '../../src/clusters/accepts.ts'
import type { Cluster, FetchOptions } from '../../src/clusters/cluster.ts'
import { ProxyError } from '../../src/errors.ts'
import { credentialOf } from '../support/cluster-builders.ts'
import { Clock } from '../support/manual-clock.ts'

function asked(answers: readonly (number | ProxyError)[]) {
  const credential = credentialOf('ours')
  const questions: (FetchOptions | undefined)[] = []
  const clock = new Clock(0)
  const fetch: Cluster['fetch'] = async (target, _headers, options) => {
    if (target !== '/version') throw new Error(target)
    questions.push(options)
    const answer = answers[questions.length - 1] ?? 200
    if (typeof answer !== 'number') throw answer
    return { status: answer, headers: [], body: Buffer.alloc(0) }
  }
  return { credential, questions, clock, accepts: createAccepts({ credential, fetch }, () => clock.now()) }
}

t.test('only a 401 is a no, and it renews nothing', async (t) => {
  for (const [status, accepted] of [[200, true], [403, true], [404, true], [500, true], [401, false]] as const) {
    const { accepts, credential, questions } = asked([status])
    t.equal(await accepts(credential.present()), accepted, String(status))
    t.match(questions, [{ keep401: true }])
  }
})

t.test('an answer holds for a second, however many ask', async (t) => {
  const { accepts, credential, questions, clock } = asked([200, 401])
  t.strictSame(await Promise.all([accepts(credential.present()), accepts(credential.present())]), [true, true])
  clock.advance(999)
  t.equal(await accepts(credential.present()), true)
  t.equal(questions.length, 1)
  clock.advance(1)
  t.equal(await accepts(credential.present()), false)
  t.equal(questions.length, 2)
})

t.test('what was replaced since is none that is asked about', async (t) => {
  const { accepts, credential, questions } = asked([])
  const before = credential.present()
  credential.token = 'newer'
  t.equal(await accepts(before), false)
  t.equal(questions.length, 0)
  t.equal(await accepts(credential.present()), true)
})

t.test('no answer is no answer, and the next one asks again', async (t) => {
  const { accepts, credential } = asked([new ProxyError('UpstreamUnreachable', 'no'), 200])
  await t.rejects(accepts(credential.present()), { code: 'UpstreamUnreachable' })
  t.equal(await accepts(credential.present()), true)
})
