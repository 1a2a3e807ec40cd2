import t from 'tap'
import { parseDuration, parseSize } from '../../src/config/units.ts'

for (const [text, expected] of [
  ['0s', 0], ['250ms', 250], ['30s', 30_000], ['10m', 600_000], ['24h', 86_400_000], ['90d', 7_776_000_000],
  ['30', undefined], ['s', undefined], ['-1s', undefined], ['1.5h', undefined], ['1h30m', undefined], [' 1s', undefined], ['1S', undefined], ['', undefined],
] as const) {
  t.test(`the duration ${JSON.stringify(text)} is ${expected}`, async t => t.equal(parseDuration(text), expected))
}

for (const [text, expected] of [
  ['0B', 0], ['64KiB', 65_536], ['3MiB', 3_145_728], ['1GiB', 1_073_741_824],
  ['64', undefined], ['64KB', undefined], ['1.5MiB', undefined], ['', undefined],
] as const) {
  t.test(`the size ${JSON.stringify(text)} is ${expected}`, async t => t.equal(parseSize(text), expected))
}
