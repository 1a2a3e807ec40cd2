import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { builtMain } from '../support/built.ts'

builtMain()

const bench = fileURLToPath(new URL('../../bench/watch-memory.mjs', import.meta.url))

// Few watches, and no bound on what they take: that the benchmark of ten thousand works, from dist as it was built.
for (const protocol of ['http2']) {
  t.test(`the benchmark of idle watches by ${protocol} holds them, loses no event, and goes on beside one that takes nothing`, { timeout: 100_000 }, async (t) => {
    const args = [`--import=${new URL('../typescript/register.mjs', import.meta.url).href}`, bench, '--watches', '60', '--protocol', protocol, '--json']
    const { code, stdout, stderr } = await new Promise<{ code: number | null, stdout: string, stderr: string }>((resolve) => {
      const child = execFile(process.execPath, args, { env: { PATH: process.env.PATH } }, (_, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }))
    })
    t.equal(code, 0, stderr + stdout)
    const [result] = JSON.parse(stdout) as { sent: number, bytes: number }[]
    t.match(result, { protocol, count: 60, lost: 0, outOfOrder: 0, ended: 0, added: { p50: Number, p99: Number }, slow: { lost: 0, held: Number } })
    t.ok((result?.sent ?? 0) > 0, 'events passed')
    t.type(result?.bytes, 'number')
  })
}
