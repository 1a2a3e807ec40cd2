// The benchmark of fairness in its short form: that it runs, and that a flood is held. What is fair is judged on a quiet machine.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { builtMain } from '../support/built.ts'

const bench = fileURLToPath(new URL('../../bench/fairness.mjs', import.meta.url))
builtMain()

interface Phase { readonly name: string, readonly requests: number, readonly failed: number, readonly flooded: number, readonly ratio: number, readonly processor: number }

t.test('a flood over its limits, and a wrong key in a loop, are answered at a pace, and others are served meanwhile', async (t) => {
  const stdout = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, [bench, '--seconds', '2', '--rounds', '1', '--rate', '20', '--loose', '1000', '--json'], (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${stderr}${stdout}`))
    })
  })
  const phases = JSON.parse(stdout) as Phase[]
  t.equal(phases.length, 3)
  for (const { name, requests, failed, flooded, processor } of phases) {
    t.strictSame([requests, failed], [40, 0], `${name}: every request was answered`)
    t.comment(`${name}: ${Math.round(flooded)} answers a second, ${Math.round(processor * 100)} % of a core`)
    // 50 connections in a closed loop are answered some thousand times a second where nothing holds them.
    t.ok(flooded < 400, `${name}: ${Math.round(flooded)} answers a second`)
  }
  for (const { name, flooded } of phases.slice(1)) t.ok(flooded > 0, `${name}: there was a flood`)
})
