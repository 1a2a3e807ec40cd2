import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { builtMain } from './built.ts'

interface Result {
  readonly name: string
  readonly skipped?: string
  readonly faults?: readonly string[]
  readonly missing?: number
}

const bench = fileURLToPath(new URL('../../bench/audit-faults.mjs', import.meta.url))

/** Runs `bench/audit-faults.mjs` in short, from dist as it was built: a kill of each kind, or a second. */
export async function runFaults(t: Test, only: string): Promise<void> {
  builtMain()
  const { code, stdout, stderr } = await new Promise<{ code: number | null, stdout: string, stderr: string }>((resolve) => {
    const args = [bench, '--only', only, '--rounds', '1', '--seconds', '1', '--json']
    const child = execFile(process.execPath, args, { env: { PATH: process.env.PATH } }, (_, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }))
    t.teardown(() => child.kill())
  })
  t.equal(code, 0, stderr + stdout)
  const { results } = JSON.parse(stdout) as { readonly results: readonly Result[] }
  for (const { name, skipped, faults, missing } of results) {
    if (skipped === undefined) t.strictSame({ name, faults, missing }, { name, faults: [], missing: 0 })
    else t.pass(name, { skip: skipped })
  }
}
