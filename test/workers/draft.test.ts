import t from 'tap'
import { callerEntry } from '../support/attack-target.ts'
import { keyFor } from '../support/keys.ts'
import { startWorkers } from '../support/workers-process.ts'
const ci = keyFor('cicicici')
t.test('x', async (t) => {
  const at = Date.now()
  const w = await startWorkers(t, { callers: [callerEntry('ci', ci, [{ nonResourceURLs: ['*'], verbs: ['*'] }])] })
  console.error('started in', Date.now() - at)
  for (let i = 0; i < 4; i++) {
    const r = await fetch(`http://127.0.0.1:${w.port}/x${i}`, { headers: { 'X-API-Key': ci.key, connection: 'close' } })
    console.error(r.status, await r.text())
  }
  console.error(await (await fetch(`${w.adminUrl}/readyz?verbose`)).text())
  console.error(await (await fetch(`${w.adminUrl}/metrics`)).text())
  console.error(await w.stop())
  console.error(w.stderr)
})
