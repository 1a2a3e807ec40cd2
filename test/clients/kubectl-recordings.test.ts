// Real kubectl, new (WebSocket, v5.channel.k8s.io) and old (SPDY/3.1), in sessions that the policy wants recorded.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { faultsOfCast, toCast, type Cast } from '../support/casts.ts'
import { runKubectl, startKubectl, type KubectlVersion } from '../support/kubectl.ts'
import type { AuditEvent } from '../support/proxy.ts'
import { startSampleBehindProxy, type SampleBehindProxy } from '../support/sample-behind-proxy.ts'
import { until } from '../support/until.ts'

const execs = { resources: ['pods/exec', 'pods/attach'] }
const config = { audit: { recordings: { folder: 'recordings' }, policy: [{ level: 'Metadata', resources: [execs], recordSessions: true }], mode: 'blocking-strict' } }

/** The events of sessions so far that have ended. */
function ended({ proxy }: SampleBehindProxy): AuditEvent[] {
  return proxy.events().filter(({ stage, objectRef, responseStatus }) => stage === 'ResponseComplete' && objectRef?.subresource === 'exec' && responseStatus?.code === 101)
}

/** The recording that the last of so many sessions names: its hash is that of the event, and its format has nothing against it. */
async function lastCast(t: Test, behind: SampleBehindProxy, sessions: number): Promise<{ cast: Cast, event: AuditEvent }> {
  await until(() => ended(behind).length >= sessions)
  const event = ended(behind)[sessions - 1]!
  const name = event.annotations?.['portcullis.dev/recording'] ?? ''
  t.match(name, new RegExp(`^\\d{4}-\\d\\d-\\d\\d-admin-${event.auditID}\\.cast$`))
  const text = readFileSync(join(behind.proxy.folder, 'recordings', name), 'utf8')
  t.equal(event.annotations?.['portcullis.dev/recording-sha256'], createHash('sha256').update(text).digest('hex'))
  t.strictSame(faultsOfCast(text), [])
  return { cast: toCast(name, text), event }
}

for (const version of ['1.35', '1.29'] satisfies KubectlVersion[]) {
  t.test(`kubectl ${version}: what was typed and shown is in the recording, to the byte`, async (t) => {
    const behind = await startSampleBehindProxy(t, { proxy: { config } })
    const kubeconfig = await behind.kubeconfig(behind.admin)
    const exec = (command: readonly string[], stdin?: string) => runKubectl(['exec', ...stdin === undefined ? [] : ['-i'], 'web-0', '--', ...command], { version, kubeconfig, ...stdin === undefined ? {} : { stdin } })

    const text = 'one line of many, with grüße 😀\n'.repeat(3000)
    const cat = await exec(['cat'], text)
    t.equal(cat.stdout, text, cat.stderr)
    const first = await lastCast(t, behind, 1)
    t.equal(first.cast.typed, text)
    t.equal(first.cast.shown, text)
    t.match(first.cast.header, { command: 'cat', title: /^team-a\/web-0\/\w+$/ })
    t.match(first.event.annotations, {
      'portcullis.dev/command': 'cat', 'portcullis.dev/exit-code': '0', 'portcullis.dev/recording-truncated': undefined,
      'portcullis.dev/ending': 'complete', 'portcullis.dev/container': /./,
    })
    t.ok(Number(first.event.annotations?.['portcullis.dev/bytes-in']) > text.length)

    const failing = await exec(['sh', '-c', 'echo out; echo err >&2; exit 3'])
    t.equal(failing.code, 3)
    const second = await lastCast(t, behind, 2)
    t.strictSame([second.cast.typed, [...second.cast.shown].sort().join('')], ['', [...`${failing.stdout}err\n`].sort().join('')])
    t.strictSame(second.cast.markers, ['exit code 3'])
    t.equal(second.event.annotations?.['portcullis.dev/exit-code'], '3')
    t.equal(second.event.annotations?.['portcullis.dev/command'], 'sh -c \'echo out; echo err >&2; exit 3\'')
  })

  t.test(`kubectl ${version}: a session that is typed into goes on while it is recorded, and a killed kubectl leaves a whole file`, async (t) => {
    const behind = await startSampleBehindProxy(t, { proxy: { config } })
    const kubeconfig = await behind.kubeconfig(behind.admin)
    // What the command prints passes as it is.
    behind.proxy.leaks.expect(/the data listener/)
    const running = await startKubectl(t, ['exec', '-i', 'web-0', '--', 'sh'], { version, kubeconfig })
    running.child.stdin.write('echo sample-token-0123456789abcdef one\n')
    await running.printed('one')
    running.child.stdin.write('echo two\n')
    await running.printed('two')
    running.child.kill('SIGKILL')
    const { cast, event } = await lastCast(t, behind, 1)
    t.match(event.annotations, { 'portcullis.dev/ending': 'caller-left', 'portcullis.dev/exit-code': undefined })
    t.equal(cast.typed, 'echo [redacted] one\necho two\n', 'the token that Portcullis holds is not in it')
    t.equal(cast.shown, '[redacted] one\ntwo\n')
  })
}

t.test('where the folder cannot be written no session begins, and kubectl says why', async (t) => {
  const behind = await startSampleBehindProxy(t, { proxy: { config: { audit: { ...config.audit, recordings: { folder: 'token/recordings' } } } } })
  const kubeconfig = await behind.kubeconfig(behind.admin)
  const from = behind.sample.requests().length
  const ran = await runKubectl(['exec', 'web-0', '--', 'true'], { kubeconfig })
  t.not(ran.code, 0)
  t.match(ran.stderr, /portcullis: this session cannot be recorded/)
  t.notOk(behind.requestsSince(from).some(({ url }) => url.includes('/exec')), 'nothing of it went upstream')
  t.match(await behind.proxy.metrics(), /portcullis_audit_dropped_total\{sink="recording"\} [1-9]/)
  await until(() => behind.proxy.events().some(({ annotations }) => annotations?.['portcullis.dev/code'] === 'AuditUnavailable'))
})

t.test('what no rule wants recorded is not', async (t) => {
  const behind = await startSampleBehindProxy(t, { proxy: { config: { audit: { recordings: { folder: 'recordings' }, policy: [{ level: 'Metadata', callers: ['other'], recordSessions: true }] } } } })
  const ran = await runKubectl(['exec', 'web-0', '--', 'echo', 'x'], { kubeconfig: await behind.kubeconfig(behind.admin) })
  t.equal(ran.stdout, 'x\n', ran.stderr)
  await until(() => ended(behind).length > 0)
  t.notOk('portcullis.dev/recording' in (ended(behind)[0]?.annotations ?? {}))
})
