import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { builtMain } from '../support/built.ts'

builtMain()

const file = (path: string) => new URL(`../../bench/${path}`, import.meta.url)
const register = new URL('../typescript/register.mjs', import.meta.url).href

interface Sample { readonly at: number, readonly requests: number, readonly memory: number, readonly heap: number, readonly files: number, readonly watches: number }
interface Outcome {
  readonly faults: readonly string[]
  readonly samples: readonly Sample[]
  readonly counts: { readonly requests: number, readonly excused: number, readonly answered: Readonly<Record<string, number>> }
  readonly lines: { readonly ends: number, readonly begins: number, readonly twice: number, readonly dropped: number, readonly files: number }
  readonly open: { readonly before: number, readonly after: number }
}

// Seconds long, and memory is not judged: that the soak asks all of its mix, is answered, and finds a line for each.
t.test('the soak asks all that it is made of, and every request has its end in the audit log', { timeout: 290_000 }, async (t) => {
  const args = [`--import=${register}`, fileURLToPath(file('soak.mjs')), '--minutes', '0.1', '--node', process.execPath, '--json']
  const { code, stdout, stderr } = await new Promise<{ code: number | null, stdout: string, stderr: string }>((resolve) => {
    const child = execFile(process.execPath, args, { env: { PATH: process.env.PATH }, maxBuffer: 1 << 24 }, (_, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }))
    t.teardown(() => child.kill())
  })
  t.equal(code, 0, stderr + stdout)
  const { faults, samples, counts, lines, open } = JSON.parse(stdout) as Outcome
  t.strictSame(faults, [])
  t.equal(samples.length, 9)
  for (const { at, requests, memory, heap, files, watches } of samples) t.ok([at, requests, memory, heap, files, watches].every(Number.isFinite) && memory > heap && heap > 0 && files > 0, 'what is held is written down')
  for (const [name, count] of Object.entries(counts.answered)) t.ok(count > 0, name)
  t.ok(lines.ends >= counts.requests && lines.ends <= counts.requests + counts.excused, `${lines.ends} ends of ${counts.requests} requests`)
  t.match(lines, { twice: 0, dropped: 0 })
  t.ok(lines.files > 1, 'the log was put aside')
  t.ok(open.after <= open.before + 4, `${open.after} open files of ${open.before}`)
})

interface Judging { judge(result: object): { readonly faults: readonly string[], readonly growth: { readonly memory: number } } }

const sample = (memory: number) => ({ at: 0, requests: 0, failed: 0, memory, heap: 1, external: 0, files: 10, watches: 0 })
const flat = {
  minutes: 10, samples: Array.from({ length: 60 }, () => sample(100e6)), counts: { requests: 1000, excused: 0, failures: [] },
  lines: { ends: 1000, begins: 10, twice: 0, dropped: 0, files: 20 }, open: { before: 30, after: 31 }, foreign: 0,
}
const samplesOf = (memory: (index: number) => number) => Array.from({ length: 60 }, (_, index) => sample(memory(index)))

t.test('what a soak has shown is judged', async (t) => {
  const { judge } = await import(file('soak/judge.mjs').href) as Judging
  const cases: readonly [string, object, RegExp | undefined][] = [
    ['flat memory', {}, undefined],
    ['memory that grows in the first third alone', { samples: samplesOf(index => index < 20 ? 1e6 * index : 100e6) }, undefined],
    ['one peak', { samples: samplesOf(index => index === 50 ? 900e6 : 100e6) }, undefined],
    ['memory that grows all the time', { samples: samplesOf(index => 100e6 + index * 1e6) }, /^memory grew: the last third took 1\.15\d of the second/],
    ['a minute, in which it grows', { minutes: 1, samples: samplesOf(index => 100e6 + index * 1e6) }, undefined],
    ['no sample', { samples: [] }, /^memory grew/],
    ['a request that failed', { counts: { ...flat.counts, failures: [['GET: answered 502', 3]] } }, /^3 × GET: answered 502$/],
    ['a request without a line', { lines: { ...flat.lines, ends: 999 } }, /^1000 requests, and 999 ends/],
    ['a line without a request', { lines: { ...flat.lines, ends: 1001 } }, /^1000 requests, and 1001 ends/],
    ['a line of a request that is not known', { lines: { ...flat.lines, ends: 1001 }, counts: { ...flat.counts, excused: 1 } }, undefined],
    ['lines that were dropped', { lines: { ...flat.lines, dropped: 1 } }, /^1 lines were dropped/],
    ['a line that is there twice', { lines: { ...flat.lines, twice: 1 } }, /^1 lines are there twice/],
    ['a log that was never put aside', { lines: { ...flat.lines, files: 1 } }, /^the audit log was not put aside/],
    ['files that were left open', { open: { before: 30, after: 35 } }, /^5 files more than at the start/],
    ['a credential of somebody else upstream', { foreign: 2 }, /^2 requests came upstream without our credential/],
  ]
  for (const [what, more, fault] of cases) {
    const { faults } = judge({ ...flat, ...more })
    t.equal(faults.length, fault === undefined ? 0 : 1, `${what}: ${faults.join('; ')}`)
    if (fault !== undefined) t.match(faults[0], fault, what)
  }
})
