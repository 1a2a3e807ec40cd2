import t from 'tap'
import type { Check } from '../../src/listen/admin.ts'
import { foldChecks } from '../../src/workers/fold-checks.ts'

const good = (name: string, message?: string): Check => ({ name, ok: true, ...message === undefined ? {} : { message } })
const bad = (name: string, message: string): Check => ({ name, ok: false, message })
const workers = good('workers')

const rows: readonly [string, readonly (readonly Check[] | undefined)[], readonly Check[]][] = [
  ['what is so in every worker is so', [[good('a'), good('b')], [good('a'), good('b')]], [workers, good('a'), good('b')]],
  ['one that fails makes it fail, and is named', [[good('a')], [bad('a', 'why')]], [workers, bad('a', 'worker 2: why')]],
  ['all that fail alike are not', [[bad('a', 'why')], [bad('a', 'why')]], [workers, bad('a', 'why')]],
  ['each is told with its own reason', [[bad('a', 'one')], [bad('a', 'other')]], [workers, bad('a', 'worker 1: one; worker 2: other')]],
  ['a word beside an ok is kept', [[good('a', 'not renewed')], [good('a')]], [workers, good('a', 'worker 1: not renewed')]],
  ['beside a failure it is not', [[good('a', 'not renewed')], [bad('a', 'why')]], [workers, bad('a', 'worker 2: why')]],
  ['who does not answer fails, and the others are told', [[good('a')], undefined], [bad('workers', 'no answer from worker 2 of 2'), good('a')]],
  ['nobody answers', [undefined, undefined], [bad('workers', 'no answer from worker 1, 2 of 2')]],
  ['a check that only some know of, for their config is newer', [[good('a'), bad('b', 'why')], [good('a')]], [workers, good('a'), bad('b', 'worker 1: why')]],
]

for (const [name, checks, folded] of rows) {
  t.test(name, async t => t.strictSame(foldChecks(checks.map((checks, index) => ({ worker: index + 1, checks }))), folded))
}
