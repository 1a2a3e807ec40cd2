import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { builtMain } from '../support/built.ts'

builtMain()

// Few callers and bounds that no machine breaks: that the benchmark of ten thousand works, from dist as it was built.
t.test('the benchmark of many callers loads, decides and reloads under load', { timeout: 170_000 }, async (t) => {
  const bench = fileURLToPath(new URL('../../bench/callers-at-scale.mjs', import.meta.url))
  const args = [bench, '--callers', '200', '--rules', '5', '--seconds', '1', '--loose', '1000', '--quick', '--json']
  const { code, stdout, stderr } = await new Promise<{ code: number | null, stdout: string, stderr: string }>((resolve) => {
    const child = execFile(process.execPath, args, { env: { PATH: process.env.PATH } }, (_, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }))
  })
  t.equal(code, 0, stderr + stdout)
  t.match(JSON.parse(stdout), {
    callers: 200, broken: [],
    loads: [{ ms: Number, whole: { ratio: Number } }],
    reloads: [{ count: Number, reloading: { stall: Number, max: Number, failed: 0 } }],
  })
})
