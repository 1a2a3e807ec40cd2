// kubectl up to 1.30 streams over SPDY/3.1; a current one falls back to it when the WebSocket is refused.
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { callerEntry, upstreamToken } from '../support/attack-target.ts'
import { makeAuthority } from '../support/certificates.ts'
import { keyFor } from '../support/keys.ts'
import { runKubectl, type KubectlVersion } from '../support/kubectl.ts'
import { startProxy } from '../support/proxy.ts'
import { startUpstream, type Handler } from '../support/recording-upstream.ts'
import { removeLater } from '../support/scope.ts'
import { serveSpdyExec } from '../support/spdy-exec.ts'

const json = (status: number, body: object) => ({ status, headers: ['Content-Type', 'application/json'], body: JSON.stringify(body) })
const pods = { name: 'pods', singularName: 'pod', kind: 'Pod', namespaced: true, verbs: ['get'] }
const documents: Record<string, object> = {
  '/api': { kind: 'APIVersions', versions: ['v1'] },
  '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [] },
  '/api/v1': { kind: 'APIResourceList', groupVersion: 'v1', resources: [pods] },
  '/api/v1/namespaces/a/pods/x': { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'x', namespace: 'a' }, spec: { containers: [{ name: 'c' }] }, status: { phase: 'Running' } },
}
const upstream = await startUpstream(t)
const kube: Handler = (request, reply) => {
  const [protocol] = request.all('upgrade')
  if (protocol === 'SPDY/3.1') {
    const accepted = ['Connection', 'Upgrade', 'Upgrade', protocol, 'X-Stream-Protocol-Version', 'v4.channel.k8s.io']
    return serveSpdyExec(reply.upgrade(accepted), (stdin) => ({ stdout: stdin, code: stdin.length === 0 ? 7 : 0 }))
  }
  const document = documents[request.target.split('?')[0]!]
  return document === undefined ? json(404, { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404, message: 'upstream has no such thing' }) : json(200, document)
}
upstream.answer(kube)

const allowed = keyFor('allowed0')
const refused = keyFor('refused0')
const rule = (resources: string[], verbs: string[]) => ({ apiGroups: [''], resources, verbs, namespaces: ['a'] })
const authority = makeAuthority()
const proxy = await startProxy(t, {
  upstreams: { prod: upstream }, token: upstreamToken, tls: authority,
  callers: {
    callers: [
      callerEntry('allowed', allowed, [rule(['pods'], ['get']), rule(['pods/exec'], ['create'])]),
      callerEntry('refused', refused, [rule(['pods'], ['get']), rule(['pods/exec'], ['get'])]),
    ],
  },
})
const folder = await mkdtemp(join(tmpdir(), 'portcullis-spdy-'))
removeLater(t, folder)
await writeFile(join(folder, 'ca.crt'), authority.ca)

async function exec(version: KubectlVersion, key: string, stdin: string) {
  const kubeconfig = join(folder, `kubeconfig-${version}`)
  await writeFile(kubeconfig, JSON.stringify({
    'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'c', 'contexts': [{ name: 'c', context: { cluster: 'c', user: 'u', namespace: 'a' } }],
    'clusters': [{ name: 'c', cluster: { server: `https://localhost:${proxy.port}`, 'certificate-authority': join(folder, 'ca.crt') } }],
    'users': [{ name: 'u', user: { token: key } }],
  }))
  return runKubectl(['--cache-dir', join(folder, 'cache'), 'exec', '-i', 'x', '--', 'cat'], { version, kubeconfig, stdin })
}

t.test('kubectl 1.29 runs exec -i over SPDY: every byte of stdin, the output and the exit code', async (t) => {
  const text = 'one line of many\n'.repeat(20_000)
  const ran = await exec('1.29', allowed.key, text)
  t.equal(ran.code, 0, ran.stderr)
  t.ok(ran.stdout === text, 'all of it came back')
  const request = upstream.requests.findLast(({ target }) => target.includes('/exec'))
  t.equal(request?.method, 'POST')
  const protocols = request?.all('x-stream-protocol-version') ?? []
  t.ok(protocols.length >= 4 && protocols.every((protocol) => /^(v\d\.)?channel\.k8s\.io$/.test(protocol)), 'a line for each')
  t.strictSame(request?.all('authorization'), [`Bearer ${upstreamToken}`])
  t.equal((await exec('1.29', allowed.key, '')).code, 7)
})

t.test('a WebSocket that upstream refuses is tried again as SPDY by kubectl 1.35, and passes', async (t) => {
  const from = upstream.requests.length
  const ran = await exec('1.35', allowed.key, 'hello')
  t.match(ran, { code: 0, stdout: 'hello' }, ran.stderr)
  const tried = upstream.requests.slice(from).filter(({ target }) => target.includes('/exec'))
  t.strictSame(tried.map(({ method }) => method), ['GET', 'POST'])
})

t.test('one refused exec is two refusals, equal in code, and the words reach the user', async (t) => {
  const from = { requests: upstream.requests.length, events: proxy.events().length }
  const ran = await exec('1.35', refused.key, 'hello')
  t.equal(ran.code, 1)
  t.match(ran.stderr, /portcullis: .*create/)
  const events = proxy.events().slice(from.events).filter(({ objectRef, user }) => objectRef?.subresource === 'exec' && user.username === 'refused')
  t.strictSame(events.map(({ responseStatus }) => responseStatus?.code), [403, 403])
  t.strictSame(events.map(({ annotations }) => annotations?.['portcullis.dev/code']), ['ScopeDenied', 'ScopeDenied'])
  t.notOk(upstream.requests.slice(from.requests).some(({ target }) => target.includes('/exec')), 'nothing of it went upstream')
})
