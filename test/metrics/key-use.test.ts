import { Registry } from 'prom-client'
import t from 'tap'
import { createKeyUse } from '../../src/metrics/gauges.ts'

function start(most?: number) {
  const registry = new Registry()
  const used = createKeyUse(registry, most)
  return {
    used,
    async shown() {
      const [metric] = await registry.getMetricsAsJSON()
      return (metric?.values ?? []).map(({ labels: { caller = '', key = '' }, value }) => `${caller} ${key} ${value}`).sort()
    },
  }
}

t.test('the last use of each key of each caller', async (t) => {
  const { used, shown } = start()
  used('a', 'k', 1_000)
  used('b', 'k', 2_000)
  used('a', 'l', 3_000)
  used('a', 'k', 4_000)
  t.strictSame(await shown(), ['a k 4', 'a l 3', 'b k 2'])
})

t.test('names that could be taken for one another are none', async (t) => {
  const { used, shown } = start()
  used('a b', 'c', 1_000)
  used('a', 'b c', 2_000)
  used('__proto__', 'constructor', 3_000)
  t.strictSame(await shown(), ['__proto__ constructor 3', 'a b c 1', 'a b c 2'])
})

t.test('of more than there is room for, what was not used again is forgotten first', async (t) => {
  const { used, shown } = start(2)
  used('a', 'k', 1_000)
  used('b', 'k', 2_000)
  used('a', 'k', 3_000)
  used('c', 'k', 4_000)
  t.strictSame(await shown(), ['a k 3', 'c k 4'])
  used('b', 'k', 5_000)
  t.equal((await shown()).length, 2)
  t.ok((await shown()).includes('b k 5'), 'the newest is there')
})

t.test('where all were used again, the one queued first goes, and never the new one', async (t) => {
  const { used, shown } = start(3)
  for (const caller of ['a', 'b', 'c']) used(caller, 'k', 1_000)
  for (const caller of ['a', 'b', 'c']) used(caller, 'k', 2_000)
  used('d', 'k', 3_000)
  t.strictSame(await shown(), ['b k 2', 'c k 2', 'd k 3'])
})

t.test('whoever was forgotten comes back', async (t) => {
  const { used, shown } = start(1)
  for (let i = 1; i <= 5; i += 1) used(`caller-${i % 2}`, 'k', i * 1_000)
  t.strictSame(await shown(), ['caller-1 k 5'])
})
