import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { builtMain } from '../support/built.ts'

builtMain()

const bench = fileURLToPath(new URL('../../bench/speed.mjs', import.meta.url))
const register = new URL('../typescript/register.mjs', import.meta.url).href

interface Outcome {
  readonly faults: readonly string[]
  readonly watches: readonly { readonly sent: number, readonly bytes: number }[]
  readonly targets: readonly { readonly measure: string, readonly held: boolean }[]
}

// Few watches, and no bound on what they take: that the benchmark of ten thousand works, from dist as it was built.
t.test('the benchmark of idle watches holds them by either protocol, loses no event, and goes on beside one that takes nothing', { timeout: 170_000 }, async (t) => {
  const args = [`--import=${register}`, bench, '--only', 'watches', '--watches', '60', '--json', '--no-results']
  const { code, stdout, stderr } = await new Promise<{ code: number | null, stdout: string, stderr: string }>((resolve) => {
    const child = execFile(process.execPath, args, { env: { PATH: process.env.PATH } }, (_, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }))
    t.teardown(() => child.kill())
  })
  t.equal(code, 0, stderr + stdout)
  t.match(stderr, /^1\/3 idle watches, HTTP\/1\.1 on both sides \(\d+ of about \d+ s\)\n2\/3 idle watches/, 'it says how far it is')
  const { faults, watches, targets } = JSON.parse(stdout) as Outcome
  t.strictSame(faults, [])
  t.match(watches, ['http1', 'mixed', 'http2'].map(protocol => (
    { protocol, count: 60, lost: 0, outOfOrder: 0, ended: 0, added: { p50: Number, p99: Number }, slow: { lost: 0, held: Number } })))
  for (const { sent, bytes } of watches) t.ok(sent > 0 && Number.isFinite(bytes), 'events passed, and memory was measured')
  t.equal(targets.length, 9, 'events and delays are judged, by each protocol; memory is not, of so few')
  t.ok(targets.filter(({ measure }) => measure.includes('lost')).every(({ held }) => held))
})
