import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { createInTurn } from '../../src/wiring/in-turn.ts'

/** Records what begins and ends; each ends when the test says so. */
function recorder() {
  const events: string[] = []
  const finish = new Map<string, (error?: Error) => void>()
  const put = (name: string) => {
    events.push(`${name} begins`)
    return new Promise<void>((resolve, reject) => {
      finish.set(name, (error) => {
        events.push(`${name} ends`)
        if (error === undefined) resolve()
        else reject(error)
      })
    })
  }
  return { events, put, finish: (name: string, error?: Error) => finish.get(name)?.(error) }
}

t.test('what comes while another is under way waits for its turn', async (t) => {
  const { events, put, finish } = recorder()
  const inTurn = createInTurn(put)
  const first = inTurn(() => 'first')
  const second = inTurn(() => 'second')
  await setImmediate()
  t.strictSame(events, ['first begins'])
  finish('first')
  await first
  await setImmediate()
  finish('second')
  await second
  t.strictSame(events, ['first begins', 'first ends', 'second begins', 'second ends'])
})

t.test('it is asked for what is wanted when its turn comes', async (t) => {
  const { put, finish, events } = recorder()
  const inTurn = createInTurn(put)
  let wanted = 'old'
  const first = inTurn(() => 'first')
  const second = inTurn(() => wanted)
  await setImmediate()
  wanted = 'new'
  finish('first')
  await first
  await setImmediate()
  finish('new')
  await second
  t.equal(events.at(-1), 'new ends')
})

t.test('one that fails says so, and the next has its turn', async (t) => {
  const { put, finish } = recorder()
  const inTurn = createInTurn(put)
  const first = inTurn(() => 'first')
  const second = inTurn(() => 'second')
  await setImmediate()
  finish('first', new Error('no'))
  await t.rejects(first, { message: 'no' })
  await setImmediate()
  finish('second')
  await t.resolves(second)
})
