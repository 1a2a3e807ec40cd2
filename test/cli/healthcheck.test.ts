// What a container's HEALTHCHECK runs: the exit code is all that counts there.
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createAdminServer, type Check } from '../../src/listen/admin.ts'
import { runCommand } from '../support/run-command.ts'

/** An admin listener, and the folder of the config that names it. */
async function start(t: Test, checks: readonly Check[] = []) {
  const admin = createAdminServer({
    host: '127.0.0.1', port: 0, checks: () => checks, draining: () => false, log: { error: () => {} },
    metrics: { render: async () => ({ contentType: 'text/plain', body: '' }) },
  })
  t.teardown(() => admin.close())
  const { url, port } = await admin.listen()
  return { admin, url, port, config: (text: string) => join(t.testdir({ 'p.yaml': text }), 'p.yaml') }
}

const cluster: Check = { name: 'cluster prod reachable', ok: false, message: 'connection refused' }

t.test('alive is 0 without a word, though it cannot serve; ready is 1 then, with the reason', async (t) => {
  const { port, config } = await start(t, [{ name: 'config', ok: true }, cluster])
  const file = config(`admin: { host: 0.0.0.0, port: ${port} }`)
  t.strictSame(await runCommand(['healthcheck', '--config', file]), { code: 0, stdout: '', stderr: '' })
  const unready = await runCommand(['healthcheck', '--ready', '--config', file])
  t.equal(unready.code, 1)
  t.match(unready.stderr, /\/readyz answers 503: \[\+\]config ok\n\[-\]cluster prod reachable failed: connection refused/)
})

t.test('faults elsewhere in the file say nothing about the proxy that runs', async (t) => {
  const { port, config } = await start(t)
  t.equal((await runCommand(['healthcheck', '--config', config(`clusters: 3\nnonsense: x\nadmin: { port: ${port} }`)])).code, 0)
})

t.test('nobody there is 1, and says where was asked', async (t) => {
  const { admin, port, config } = await start(t)
  await admin.close()
  const gone = await runCommand(['healthcheck', '--config', config(`admin: { port: ${port} }`)])
  t.equal(gone.code, 1)
  t.equal(gone.stderr, `portcullis healthcheck: nobody answers at http://127.0.0.1:${port}/livez within 3 s: is that the admin listener of the config in force (--config, --admin)?\n`)
  // Neither a file that is none nor one that is not there keeps it from asking at the default.
  for (const file of [config('admin: [unclosed'), '/nonexistent/p.yaml']) {
    t.match((await runCommand(['healthcheck', '--config', file])).stderr, /http:\/\/127\.0\.0\.1:9443\/livez/)
  }
})

t.test('another machine\'s is asked by its URL; what is none is wrong usage', async (t) => {
  const { url } = await start(t)
  for (const admin of [url, `${url}/`]) t.equal((await runCommand(['healthcheck', '--ready', '--admin', admin])).code, 0)
  for (const admin of ['portcullis:9443', 'https://x', '9443']) t.equal((await runCommand(['healthcheck', '--admin', admin])).code, 2, admin)
})
