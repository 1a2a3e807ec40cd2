import { getEventListeners } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { noClaims } from '../../src/credentials/claims.ts'
import type { Material } from '../../src/credentials/followed.ts'
import { Renewing, type RenewingOptions } from '../../src/credentials/renewing.ts'
import { ProxyError } from '../../src/errors.ts'

const minute = 60_000
const hour = 60 * minute

/** Time that the test moves, and what is planned in it. */
class Planner {
  time = 1_000_000
  readonly planned: { at: number, run: () => void }[] = []

  readonly now = () => this.time
  readonly schedule = (ms: number, run: () => void) => {
    const entry = { at: this.time + ms, run }
    this.planned.push(entry)
    return () => {
      const index = this.planned.indexOf(entry)
      if (index >= 0) this.planned.splice(index, 1)
    }
  }

  /** Milliseconds until what is next. */
  get nextIn(): number | undefined {
    return this.planned[0] === undefined ? undefined : this.planned[0].at - this.time
  }

  async go(): Promise<void> {
    const next = this.planned.shift()
    if (next === undefined) throw new Error('nothing is planned')
    this.time = Math.max(this.time, next.at)
    next.run()
    await setImmediate()
  }
}

interface Line { readonly level: string, readonly message: string }

function renewing(options: Partial<RenewingOptions> = {}) {
  const planner = new Planner()
  const lines: Line[] = []
  const say = (level: string) => (_: object, message: string) => { lines.push({ level, message }) }
  let issued = 0
  const issue = async (): Promise<Material> => {
    issued += 1
    return token(`t${issued}`, planner.time, planner.time + 10 * minute)
  }
  const credential = new Renewing({
    kind: 'tokenRequest', source: 'a test', renewal: 'at 80 %', issue, random: () => 0,
    log: { info: say('info'), warn: say('warn'), error: say('error') }, now: planner.now, schedule: planner.schedule, ...options,
  })
  return { credential, planner, lines, issued: () => issued }
}

function token(text: string, issuedAt: number | undefined, expiresAt: number | undefined): Material {
  return { presented: { authorization: `Bearer ${text}`, certificate: undefined }, claims: { ...noClaims, issuedAt, expiresAt } }
}

t.test('it renews at 80 % of its life, a little earlier by chance, and again', async (t) => {
  for (const [chance, share] of [[0, 0.8], [1, 0.75]] as const) {
    const { credential, planner } = renewing({ random: () => chance })
    await credential.start()
    t.equal(planner.nextIn, 10 * minute * share)
    await planner.go()
    t.equal(credential.present().authorization, 'Bearer t2')
    t.equal(planner.nextIn, 10 * minute * share)
    credential.close()
  }
})

t.test('one that was handed out late in its life is renewed at 80 % of what was left, and not over and over until its end', async (t) => {
  const start = 1_000_000
  const { credential, planner } = renewing({ issue: async () => token('kept', start, start + 10 * minute) })
  planner.time = start + 9 * minute
  await credential.start()
  const waits = []
  while (planner.time < start + 10 * minute - 1000) {
    waits.push(planner.nextIn)
    await planner.go()
  }
  t.strictSame(waits, [48_000, 9600, 1920])
})

t.test('one whose time came while the machine slept is renewed at once', async (t) => {
  const { credential, planner } = renewing({ issue: async () => token('t', 1_000_000 - 15 * minute, 1_000_000 + 9 * hour) })
  await credential.start()
  planner.time += 7.17 * hour
  await planner.go()
  t.equal(planner.nextIn, 0)
})

t.test('one without an end is renewed after a 401 alone', async (t) => {
  const { credential, planner } = renewing({ issue: async () => token('x', undefined, undefined) })
  await credential.start()
  t.equal(planner.nextIn, undefined)
})

t.test('a token of a year is looked after every hour: timers end before it does', async (t) => {
  const { credential, planner, issued } = renewing()
  const year = 365 * 24 * 60 * minute
  const long = renewing({ issue: async () => token('x', 1_000_000, 1_000_000 + year) })
  await long.credential.start()
  t.equal(long.planner.nextIn, 60 * minute)
  await long.planner.go()
  t.equal(long.planner.nextIn, 60 * minute)
  await credential.start()
  t.equal(issued(), 1)
  t.equal(planner.planned.length, 1)
})

t.test('after a 401 there is one renewal, however many ask', async (t) => {
  const { credential, issued, planner } = renewing()
  await credential.start()
  planner.time += minute
  const rejected = credential.present()
  const answers = await Promise.all([credential.renew(rejected), credential.renew(rejected), credential.renew(rejected)])
  t.strictSame(answers, [true, true, true])
  t.equal(issued(), 2)
  t.equal(await credential.renew(rejected), true)
  t.equal(issued(), 2)
})

t.test('a second is between two attempts, however many 401s come', async (t) => {
  const { credential, planner, issued } = renewing()
  await credential.start()
  const renewed = credential.renew(credential.present())
  await setImmediate()
  t.equal(issued(), 1)
  t.equal(planner.nextIn, 1000)
  await planner.go()
  t.equal(await renewed, true)
  t.equal(issued(), 2)
})

t.test('a clock that was set back holds up no attempt', async (t) => {
  for (const back of [500, 6 * hour]) {
    const { credential, planner } = renewing()
    await credential.start()
    planner.time -= back
    t.equal(await credential.renew(credential.present()), true)
    t.equal(credential.present().authorization, 'Bearer t2')
  }
})

t.test('a clock that was set back does not put off a renewal that is hours away', async (t) => {
  let issued = 0
  const { credential, planner } = renewing({ issue: async () => token(`t${issued += 1}`, 1_000_000, 1_000_000 + 10 * hour) })
  await credential.start()
  for (let turn = 1; turn <= 8; turn += 1) {
    t.equal(planner.nextIn, hour)
    await planner.go()
    if (turn === 4) {
      planner.time -= 6 * hour
      for (const entry of planner.planned) entry.at -= 6 * hour
    }
  }
  t.equal(credential.present().authorization, 'Bearer t2')
})

t.test('one that begins later than it is here is renewed at 80 % of its life from now', async (t) => {
  const { credential, planner } = renewing({ issue: async () => token('x', 1_000_000 + 6 * hour, 1_000_000 + 7 * hour) })
  await credential.start()
  t.equal(planner.nextIn, 0.8 * hour)
})

t.test('an attempt that hangs is waited for 10 s, by whoever comes, and goes on', async (t) => {
  let answer = (_: Material) => {}
  const { credential, planner } = renewing({ issue: () => new Promise((resolve) => { answer = resolve }) })
  const started = credential.start()
  await setImmediate()
  answer(token('first', undefined, undefined))
  await started
  planner.time += minute
  const rejected = credential.present()
  const renewed = [credential.renew(rejected), credential.renew(rejected)]
  await setImmediate()
  t.equal(planner.nextIn, 10_000)
  await planner.go()
  t.strictSame(await Promise.all(renewed), [false, false])
  t.equal(await credential.renew(rejected), false, 'at once')
  answer(token('second', undefined, undefined))
  await setImmediate()
  t.equal(await credential.renew(rejected), true)
  t.equal(credential.present().authorization, 'Bearer second')
  t.equal(planner.nextIn, undefined)

  planner.time += minute
  const next = credential.renew(credential.present())
  await setImmediate()
  answer(token('third', undefined, undefined))
  t.equal(await next, true)
  t.equal(planner.nextIn, undefined, 'nobody waits any more')
})

t.test('a pause leaves nothing behind', async (t) => {
  let signal: AbortSignal | undefined
  let issued = 0
  const { credential, planner } = renewing({
    issue: async (told) => {
      signal = told
      return token(`t${issued += 1}`, undefined, undefined)
    },
  })
  await credential.start()
  const renewed = credential.renew(credential.present())
  await planner.go()
  t.equal(await renewed, true)
  t.ok(signal)
  t.strictSame(signal && getEventListeners(signal, 'abort'), [])
})

/** What 401s all the time bring about in so many milliseconds: when it was renewed. */
async function storm({ credential, planner, issued }: Pick<ReturnType<typeof renewing>, 'credential' | 'planner' | 'issued'>, ms: number): Promise<number[]> {
  const [start, renewed] = [planner.time, [] as number[]]
  for (; planner.time < start + ms; planner.time += 100) {
    const before = issued()
    await credential.renew(credential.present())
    if (issued() > before) renewed.push((planner.time - start) / 1000)
  }
  return renewed
}

const endless = () => {
  let issued = 0
  return { ...renewing({ issue: async () => token(`t${issued += 1}`, undefined, undefined) }), issued: () => issued }
}

t.test('401s to each new one renew more and more slowly, at last once a minute, and wait for nothing', async (t) => {
  const all = endless()
  await all.credential.start()
  all.planner.time += minute
  t.strictSame(await storm(all, 5 * minute), [0, 1, 3, 7, 15, 31, 63, 123, 183, 243])
  const rejected = all.credential.present()
  t.equal(await all.credential.renew(rejected), false)
  t.equal(all.planner.nextIn, undefined)
})

t.test('401s to one that cannot be renewed ask for it more and more slowly, too', async (t) => {
  let asked = 0
  const broken = renewing({
    issue: async () => {
      asked += 1
      if (asked > 1) throw new Error('no answer')
      return token('first', undefined, undefined)
    },
  })
  await broken.credential.start()
  broken.planner.time += minute
  t.strictSame(await storm({ ...broken, issued: () => asked }, 30_000), [0, 1, 3, 7, 15])
})

t.test('a revocation is healed at once, and one more a second later', async (t) => {
  const all = endless()
  await all.credential.start()
  all.planner.time += minute
  for (const _ of [1, 2]) {
    t.equal(await all.credential.renew(all.credential.present()), true)
    all.planner.time += 1000
  }
})

t.test('after one that was good for a minute a 401 is healed at once, and the next soon', async (t) => {
  for (const [good, healed] of [[60, [0, 1, 3, 7]], [30, [2]]] as const) {
    const all = endless()
    await all.credential.start()
    all.planner.time += minute
    t.equal((await storm(all, 31_100)).at(-1), 31)
    all.planner.time += good * 1000 - 100
    t.strictSame(await storm(all, 10_000), healed, `after ${good} s`)
  }
})

t.test('after a renewal by the clock a 401 is healed at once', async (t) => {
  const all = renewing()
  await all.credential.start()
  all.planner.time += minute
  await storm(all, 10_000)
  await all.planner.go()
  all.planner.time += 1000
  t.strictSame(await storm(all, 5000), [0, 1, 3])
})

t.test('the same token once more is no other one', async (t) => {
  const { credential, planner } = renewing({ issue: async () => token('same', 0, undefined) })
  await credential.start()
  planner.time += minute
  t.equal(await credential.renew(credential.present()), false)
})

t.test('a renewal that fails is tried again with back-off, the present one stays, and one line says so', async (t) => {
  let broken = false
  const { credential, planner, lines } = renewing({
    issue: async () => {
      if (broken) throw new Error('no answer')
      return token('good', planner.time, planner.time + 10 * minute)
    },
    random: () => 1,
  })
  await credential.start()
  broken = true
  await planner.go()
  const waits = []
  for (let attempt = 0; attempt < 8; attempt++) {
    waits.push(planner.nextIn)
    await planner.go()
  }
  t.strictSame(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
  t.equal(credential.present().authorization, 'Bearer good')
  t.equal(credential.facts().trouble, 'no answer')
  t.strictSame(lines, [{ level: 'warn', message: 'the credential could not be renewed; it will be tried again while the present one lasts' }])

  broken = false
  await planner.go()
  t.equal(credential.facts().trouble, undefined)
  t.equal(lines.at(-1)?.message, 'the credential is renewed again')
})

t.test('a renewal that fails rejects nobody, whatever the end of the present one', async (t) => {
  let broken = false
  const { credential, planner } = renewing({
    issue: async () => {
      if (broken) throw new Error('no answer')
      return token('endless', 1_000_000, 8.7e15)
    },
  })
  await credential.start()
  broken = true
  planner.time += minute
  t.equal(await credential.renew(credential.present()), false)
  t.equal(credential.facts().trouble, 'no answer')
})

t.test('without a first one nothing is presented, and it is tried again', async (t) => {
  let broken = true
  const { credential, planner, lines } = renewing({
    issue: async () => {
      if (broken) throw new Error('/a/path says no')
      return token('late', undefined, undefined)
    },
    random: () => 1,
  })
  await t.rejects(credential.start(), { message: '/a/path says no' })
  t.throws(() => credential.present(), { code: 'CredentialRejected', message: 'Portcullis has no credential for this cluster at present (tokenRequest)' })
  t.match(lines, [{ level: 'error' }])
  broken = false
  await planner.go()
  t.equal(credential.present().authorization, 'Bearer late')
})

t.test('one that comes expired already is none, is asked for again with back-off, and the words are about the clocks', async (t) => {
  const { credential, planner } = renewing({ issue: async () => token('old', 0, 1_000_000), random: () => 1 })
  const message = 'a test gave a credential that expired at 1970-01-01T00:16:40.000Z already; is it an old one that was kept, or do the clocks disagree?'
  await t.rejects(credential.start(), { message })
  t.throws(() => credential.present(), { code: 'CredentialRejected' })
  const waits = []
  for (let turn = 0; turn < 3; turn += 1) {
    waits.push(planner.nextIn)
    await planner.go()
  }
  t.strictSame(waits, [1000, 2000, 4000])
})

t.test('an API server that cannot be reached is no rejected credential', async (t) => {
  const { credential } = renewing({ issue: async () => { throw new ProxyError('UpstreamUnreachable', 'the API server could not be reached') } })
  await t.rejects(credential.start())
  t.throws(() => credential.present(), { code: 'UpstreamUnreachable' })
})

t.test('once closed it plans nothing, and an attempt under way is told', async (t) => {
  const signals: AbortSignal[] = []
  const { credential, planner, lines } = renewing({
    issue: (signal) => {
      signals.push(signal)
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    },
  })
  const started = credential.start()
  await setImmediate()
  credential.close()
  await started
  t.equal(signals[0]?.aborted, true)
  t.equal(planner.planned.length, 0)
  t.strictSame(lines, [])
})
