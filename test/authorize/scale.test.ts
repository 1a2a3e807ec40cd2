import t from 'tap'
import { createAuthorize } from '../../src/authorize/authorize.ts'
import type { Caller } from '../../src/model/caller.ts'
import { callerWith } from '../support/builders.ts'
import { question } from '../support/questions.ts'

const authorize = createAuthorize()
const asked = question('GET /api/v1/namespaces/team-7/pods/x')

function callerOf(rules: number): Caller {
  return callerWith(Array.from({ length: rules }, (_, index) => ({
    verbs: ['get', 'list', 'watch'], resources: ['pods', `r${index}`], namespaces: [`team-${index}`, `lab-${index}-*`],
  })))
}

/** Processor time in microseconds; the least of a few rounds, for the machine is shared. */
function cost(work: () => void): number {
  return Math.min(...Array.from({ length: 7 }, () => {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    return user + system
  }))
}

t.test('a verdict costs about the same with ten rules or a thousand', async (t) => {
  const [few, many] = [callerOf(10), callerOf(1_000)]
  const ask = (caller: Caller) => () => {
    for (let i = 0; i < 20_000; i++) authorize(caller, asked)
  }
  for (const caller of [few, many]) {
    t.equal(authorize(caller, asked).allowed, true)
    ask(caller)()
  }
  const [small, large] = [cost(ask(few)), cost(ask(many))]
  t.comment(`${(small / 20_000).toFixed(2)} and ${(large / 20_000).toFixed(2)} µs a verdict`)
  // A hundred times the rules: a scan would show as some eighty times the cost.
  t.ok(large < 6 * small + 5_000, `${small} and ${large} µs for 20,000 verdicts`)
})

t.test('10,000 callers with 20 rules each are compiled when first asked about, and fast', async (t) => {
  const callers = Array.from({ length: 10_000 }, () => callerOf(20))
  const before = process.cpuUsage()
  t.ok(callers.every(caller => authorize(caller, asked).allowed))
  const { user } = process.cpuUsage(before)
  t.comment(`${(user / 10_000).toFixed(0)} µs a caller`)
  t.ok(user < 5_000_000, `${user} µs`)
})

t.test('callers that share a scope share what is compiled of it', async (t) => {
  const rules = callerOf(1_000).definition.grants[0]!.rules
  const share = (): Caller => callerWith([], { grants: [{ scope: 'shared', rules, namespaces: undefined }] })
  authorize(share(), asked)
  const before = process.cpuUsage()
  for (let i = 0; i < 10_000; i++) authorize(share(), asked)
  t.ok(process.cpuUsage(before).user < 1_000_000)
})

t.test('namespaces that requests make up do not pile up', async (t) => {
  const caller = callerOf(10)
  for (let i = 0; i < 2_000; i++) authorize(caller, question(`GET /api/v1/namespaces/lab-3-${i}/pods`))
  t.equal(authorize(caller, question('GET /api/v1/namespaces/lab-3-x/pods')).allowed, true)
  t.equal(authorize(caller, question('GET /api/v1/namespaces/lab-33/pods')).allowed, false)
})
