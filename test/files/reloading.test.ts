import t from 'tap'
import { FaultsError, wholeFile } from '../../src/files/fault.ts'
import { keepReloading } from '../../src/files/reloading.ts'
import type { Reloaded } from '../../src/files/reloading.ts'
import { handWatch } from '../support/hand-watch.ts'

function reports() {
  const seen: Reloaded[] = []
  let wake = () => undefined as void
  return {
    report: (outcome: Reloaded) => { seen.push(outcome); wake() },
    async next(count: number): Promise<Reloaded[]> {
      while (seen.length < count) await new Promise<void>((resolve) => { wake = resolve })
      return seen
    },
  }
}

t.test('each change is a reload, one at a time, good or bad', async (t) => {
  const { state, watch } = handWatch()
  const { report, next } = reports()
  let running = 0
  let turn = 0
  const results = [[], new FaultsError([wholeFile('f', 'is bad')]), new Error('no CA')]
  await keepReloading({
    paths: ['f'],
    report,
    watch,
    async reload() {
      t.equal(++running, 1)
      await new Promise(setImmediate)
      running--
      const result = results[turn++]
      if (result instanceof Error) throw result
      return result ?? []
    },
  })
  state.change()
  state.change()
  state.change()
  t.strictSame(await next(3), [
    { ok: true, warnings: [] },
    { ok: false, faults: [wholeFile('f', 'is bad')] },
    { ok: false, faults: [wholeFile('f', 'no CA')] },
  ])
})

t.test('what is closed reloads no more', async (t) => {
  const { state, watch } = handWatch()
  let reloaded = false
  const following = await keepReloading({ paths: ['f'], watch, report: () => t.fail(), reload: async () => { reloaded = true; return [] } })
  following.close()
  state.change()
  await new Promise(setImmediate)
  t.equal(reloaded, false)
  t.equal(state.closed, true)
})
