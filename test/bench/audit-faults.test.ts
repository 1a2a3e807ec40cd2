import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { builtMain } from '../support/built.ts'

builtMain()

const bench = fileURLToPath(new URL('../../bench/audit-faults.mjs', import.meta.url))

interface Result {
  readonly name: string
  readonly skipped?: string
  readonly faults?: readonly string[]
  readonly missing?: number
}

// A few kills and seconds: what `npm run soak:audit` shows at length holds in short, from dist as it was built.
for (const only of ['kill,family', 'webhook,disk', 'rotation']) {
  t.test(`the fault runs of the audit log: ${only}`, { timeout: 170_000 }, async (t) => {
    const { code, stdout, stderr } = await new Promise<{ code: number | null, stdout: string, stderr: string }>((resolve) => {
      const child = execFile(process.execPath, [bench, '--only', only, '--rounds', '2', '--seconds', '2', '--json'], { env: { PATH: process.env.PATH } }, (_, stdout, stderr) => {
        resolve({ code: child.exitCode, stdout, stderr })
      })
    })
    t.equal(code, 0, stderr + stdout)
    const { results } = JSON.parse(stdout) as { readonly results: readonly Result[] }
    for (const { name, skipped, faults, missing } of results) {
      if (skipped === undefined) t.strictSame({ name, faults, missing }, { name, faults: [], missing: 0 })
      else t.comment(`${name}: ${skipped}`)
    }
  })
}
