import t from 'tap'
import { nearestName } from '../../src/callers/nearest-name.ts'

const names = ['view', 'edit', 'read-workloads', 'read-pods']

for (const [name, nearest] of [
  ['veiw', 'view'], ['View', 'view'], ['read-workload', 'read-workloads'], ['raed-pods', 'read-pods'], ['readpods', 'read-pods'],
  ['logs', undefined], ['admin', undefined], ['', undefined],
] as const) {
  t.test(`for ${JSON.stringify(name)} ${nearest ?? 'nothing'} is near`, async t => t.equal(nearestName(name, names), nearest))
}
