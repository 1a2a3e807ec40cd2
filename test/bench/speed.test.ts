import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { builtMain } from '../support/built.ts'

builtMain()

interface Row { readonly name: string, readonly requests: number, readonly failed: readonly string[], readonly cpu: { readonly middle: number }, readonly ratio: number }
interface Outcome {
  readonly faults: readonly string[]
  readonly results: readonly { readonly title: string, readonly rows: readonly Row[] }[]
  readonly targets: readonly { readonly measure: string, readonly figure: number }[]
}

const bench = fileURLToPath(new URL('../../bench/speed.mjs', import.meta.url))
const register = new URL('../typescript/register.mjs', import.meta.url).href

// Moments long, and no figure is looked at: that the benchmark asks, and is answered, and says what went wrong.
t.test('the benchmark measures side by side, and everybody is answered as they should be', { timeout: 170_000 }, async (t) => {
  const args = [`--import=${register}`, bench, '--only', 'discovery,exec', '--without', 'nginx,haproxy,Go ReverseProxy', '--seconds', '0.2', '--rounds', '1', '--json', '--no-results']
  const { stdout, stderr } = await new Promise<{ stdout: string, stderr: string }>((resolve) => {
    const child = execFile(process.execPath, args, { env: { PATH: process.env.PATH }, maxBuffer: 1 << 24 }, (_, stdout, stderr) => resolve({ stdout, stderr }))
    t.teardown(() => child.kill())
  })
  const { faults, results, targets } = JSON.parse(stdout === '' ? stderr : stdout) as Outcome
  t.strictSame(faults, [])
  t.strictSame(results.map(({ title }) => title), ['discovery, from the cache', 'exec: 200 MB out of a container'])
  for (const { title, rows } of results) {
    for (const { name, requests, cpu } of rows) t.ok(requests > 0 && cpu.middle > 0, `${title}, ${name}`)
  }
  t.ok(targets.some(({ measure }) => measure.startsWith('discovery hit')), 'ratios are judged')
})

interface Step { readonly kind: string, readonly title: string, readonly takes: number, readonly warmUp?: number }
interface Plan {
  readonly modes: Readonly<Record<'quick' | 'full', { readonly seconds: number, readonly rounds: number, readonly warmUp: number }>>
  plan(options: object): readonly Step[]
  leftOut(options: object): readonly string[]
}

t.test('the quick run is planned to take less than two minutes, the full one less than fifteen without the watches', async (t) => {
  const { plan, modes, leftOut } = await import(new URL('../../bench/speed/plan.mjs', import.meta.url).href) as Plan
  const nodes = ['26', '20'].map(label => ({ path: process.execPath, label }))
  const takes = (steps: readonly Step[]) => steps.reduce((sum, step) => sum + step.takes, 0)
  const quick = plan({ whole: false, full: false, nodes, ...modes.quick })
  t.ok(takes(quick) < 120, `${takes(quick)} s`)
  t.ok(quick.some(({ kind }) => kind === 'watches'))
  const full = plan({ whole: true, full: true, nodes, ...modes.full })
  const others = full.filter(({ kind }) => kind !== 'watches')
  t.ok(takes(others) < 15 * 60, `${takes(others)} s`)
  t.ok(others.filter(({ title }) => title.startsWith('GET')).every(({ warmUp }) => warmUp === 6), 'everybody is asked for long enough first')
  t.match(leftOut({ full: false, nodes, ...modes.quick }), ['POST of 4 KB'], 'what the quick run leaves out is named')
})
