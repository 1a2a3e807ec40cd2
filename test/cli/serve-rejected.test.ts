// A start that has to wait for the API server's answers waits for them, though nothing else is open meanwhile.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { startUpstream } from '../support/recording-upstream.ts'
import { startServe } from '../support/serve-process.ts'

const plugin = `#!/bin/sh
echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"rejected-token-0123456789"}}'
`

for (const [what, credential, status] of [
  ['rejects what a plugin gave', { exec: { command: './plugin' } }, 401],
  ['does not say yet whose an opaque token is', { tokenEnv: 'TOKEN' }, 403],
] as const) {
  t.test(`serve starts where the API server ${what}`, async (t) => {
    const upstream = await startUpstream(t)
    upstream.answer(() => ({ status, body: '{}' }))
    const folder = t.testdir({ 'ca.crt': upstream.ca, 'callers.yaml': 'callers: []' })
    await writeFile(join(folder, 'plugin'), plugin, { mode: 0o700 })
    await writeFile(join(folder, 'portcullis.yaml'), JSON.stringify({
      listen: { host: '127.0.0.1', port: 0 }, admin: { port: 0 },
      clusters: [{ name: 'prod', server: upstream.url, caFile: 'ca.crt', credential, openshift: false }],
    }))
    const serve = startServe(t, ['--config', join(folder, 'portcullis.yaml')], { env: { TOKEN: 'opaque-0123456789' } })
    const { admin } = await serve.listening
    const ready = await fetch(`${admin}/readyz?verbose`)
    t.match(await ready.text(), status === 401 ? /\[-\]cluster prod credential failed: .*rejected the credential/ : /\[\+\]cluster prod credential ok/)
    t.equal(await serve.stop(), 0)
  })
}
