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
