// Real kubectl, through the real proxy, against the sample cluster: 1.35 (the WebSocket age) and 1.29 (the SPDY age).
import { join } from 'node:path'
import t from 'tap'
import { keyFor } from '../support/keys.ts'
import { runKubectl, startKubectl, type KubectlVersion } from '../support/kubectl.ts'
import { startSampleBehindProxy } from '../support/sample-behind-proxy.ts'

// Every limit that could end a quiet stream is short here.
const short = { config: { listen: { keepAlive: '3s' }, limits: { headerTimeout: '3s' } }, timeouts: { connect: '5s', response: '3s' } }
const longerThanAnyOfThem = 4500
const cluster = await startSampleBehindProxy(t, { proxy: short, sample: { crdDelay: 0, logInterval: 50 } })
const { admin, reader, sample, proxy } = cluster
const kubeconfigs = { admin: await cluster.kubeconfig(admin), reader: await cluster.kubeconfig(reader) }
const versions: readonly KubectlVersion[] = ['1.35', '1.29']

for (const version of versions) {
  const cache = join(cluster.folder, `cache-${version}`)
  const options = { version, kubeconfig: kubeconfigs.admin, env: { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'true' } }
  const run = (args: readonly string[], stdin = '') => runKubectl(['--cache-dir', cache, ...args], { ...options, stdin })
  const start = (args: readonly string[]) => startKubectl(t, ['--cache-dir', cache, ...args], options)
  const name = `settings-${version.replace('.', '-')}`
  const manifest = (colour: string) => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { colour } })

  t.test(`kubectl ${version}: api-resources, api-versions and version`, async (t) => {
    const { code, stdout, stderr } = await run(['api-resources'])
    t.equal(code, 0, stderr)
    for (const kind of ['Pod', 'Deployment', 'Route', 'Project', 'Widget', 'CustomResourceDefinition']) t.match(stdout, new RegExp(`\\b${kind}\\b`))
    const groups = await run(['api-versions'])
    t.match(groups.stdout, /^apps\/v1$/m, groups.stderr)
    const server = await run(['version'])
    t.match(server.stdout, /Server Version: v1\./, server.stderr)
  })

  t.test(`kubectl ${version}: get as a table, as JSON, of a custom resource, across namespaces`, async (t) => {
    const table = await run(['get', 'pods'])
    t.match(table.stdout, /^NAME\s+READY\s+STATUS/, table.stderr)
    t.match(table.stdout, /web-0/)
    const list = JSON.parse((await run(['get', 'pods', '-A', '-o', 'json'])).stdout) as { items: unknown[] }
    t.ok(list.items.length >= 5)
    t.match((await run(['get', 'widgets', 'first', '-o', 'name'])).stdout, 'widget.example.com/first')
    t.match((await run(['get', 'nothing-like-it'])).stderr, /doesn't have a resource type/)
    t.match((await run(['get', 'pods', 'nobody'])).stderr, /NotFound/)
  })

  t.test(`kubectl ${version}: apply by the client, then by the server, patch in three types, delete`, async (t) => {
    const applied = await run(['apply', '-f', '-'], manifest('red'))
    t.match(applied.stdout, `configmap/${name} created`, applied.stderr)
    for (const outcome of ['configured', 'unchanged']) {
      const again = await run(['apply', '-f', '-'], manifest('green'))
      t.match(again.stdout, outcome, again.stderr)
    }
    const server = await run(['apply', '--server-side', '--force-conflicts', '-f', '-'], manifest('blue'))
    t.match(server.stdout, 'serverside-applied', server.stderr)
    const patches = { strategic: '{"data":{"a":"1"}}', merge: '{"data":{"b":"2"}}', json: '[{"op":"add","path":"/data/c","value":"3"}]' }
    for (const [type, patch] of Object.entries(patches)) {
      const patched = await run(['patch', 'configmap', name, '--type', type, '-p', patch])
      t.match(patched.stdout, 'patched', patched.stderr)
    }
    const { data } = JSON.parse((await run(['get', 'configmap', name, '-o', 'json'])).stdout) as { data: object }
    t.strictSame(data, { colour: 'blue', a: '1', b: '2', c: '3' })
    t.match((await run(['delete', 'configmap', name])).stdout, 'deleted')
    t.match((await run(['get', 'configmap', name])).stderr, 'NotFound')
  })

  t.test(`kubectl ${version}: get -w outlives every idle timeout, and sees what changes then`, async (t) => {
    const watch = await start(['get', 'configmaps', '-w'])
    await watch.printed('settings')
    await silence(longerThanAnyOfThem)
    await run(['create', 'configmap', `late-${name}`])
    await watch.printed(`late-${name}`)
    await run(['delete', 'configmap', `late-${name}`])
    t.equal(watch.child.exitCode, null, 'still watching')
    watch.child.kill()
  })

  t.test(`kubectl ${version}: logs -f follows, through silence too`, async (t) => {
    const logs = await start(['logs', '-f', 'web-0'])
    await logs.printed('web-0 started')
    await silence(longerThanAnyOfThem)
    sample.writeLog('team-a', 'web-0', `a late line for ${version}`)
    await logs.printed(`a late line for ${version}`)
    logs.child.kill()
    const { stdout } = await run(['logs', 'web-0', '--tail=1'])
    t.match(stdout, /./)
  })

  t.test(`kubectl ${version}: exec with stdin over WebSocket, its output, its exit code`, async (t) => {
    const text = 'from stdin\n'.repeat(2000)
    const cat = await run(['exec', '-i', 'web-0', '--', 'cat'], text)
    t.equal(cat.code, 0, cat.stderr)
    t.equal(cat.stdout, text)
    const failing = await run(['exec', 'web-0', '--', 'sh', '-c', 'echo out; echo err >&2; exit 3'])
    t.match(failing, { code: 3, stdout: 'out\n' })
    t.match(failing.stderr, /err/)
  })

  t.test(`kubectl ${version}: a refusal is printed with its reason and the nearest rule`, async (t) => {
    const readerOptions = { version, kubeconfig: kubeconfigs.reader }
    const args = ['--cache-dir', cache]
    t.match((await runKubectl([...args, 'get', 'pods'], readerOptions)).stdout, 'web-0')
    const denied = await runKubectl([...args, 'delete', 'pod', 'web-0'], readerOptions)
    t.equal(denied.code, 1)
    t.match(denied.stderr, /\(Forbidden\).*portcullis: /)
    t.match(denied.stderr, /delete/, 'what was missing')
    const elsewhere = await runKubectl([...args, 'get', 'pods', '-n', 'team-b'], readerOptions)
    t.match(elsewhere.stderr, /portcullis: .*team-b/)
    const exec = await runKubectl([...args, 'exec', 'web-0', '--', 'true'], readerOptions)
    t.match(exec.stderr, /portcullis: /, 'of an upgrade too')
    t.not(exec.code, 0)
  })

  t.test(`kubectl ${version}: a wrong key is said to be wrong`, async (t) => {
    const kubeconfig = await cluster.kubeconfig(keyFor('nobody00'))
    // With discovery cached: of a 401 to discovery itself kubectl shows no body.
    const { code, stderr } = await runKubectl(['--cache-dir', cache, 'get', 'pods'], { version, kubeconfig })
    t.equal(code, 1)
    t.match(stderr, /portcullis: /)
  })

  t.test(`kubectl ${version}: with a fresh discovery cache each, the second time no discovery request reaches upstream`, async (t) => {
    const fresh = async (n: number) => {
      const from = sample.requests().length
      const { code, stderr } = await runKubectl(['get', 'pods', '-v=6', '--cache-dir', join(cluster.folder, `fresh-${version}-${n}`)], options)
      t.equal(code, 0, stderr)
      return { stderr, urls: cluster.requestsSince(from).map(({ url }) => url.split('?')[0]!) }
    }
    await fresh(1)
    const second = await fresh(2)
    t.match(second.stderr, /\/apis?\b/, 'it did ask for discovery')
    t.strictSame(second.urls, ['/api/v1/namespaces/team-a/pods'])
  })

  t.test(`kubectl ${version}: a CRD created through the proxy is there with the next command`, async (t) => {
    const plural = `gadgets${version.replace('.', '')}`
    const crd = JSON.stringify({
      apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `${plural}.example.org` },
      spec: {
        group: 'example.org', scope: 'Namespaced', names: { plural, singular: plural.replace('gadgets', 'gadget'), kind: `Gadget${version.replace('.', '')}` },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } }],
      },
    })
    await run(['get', 'pods'])
    const applied = await run(['apply', '-f', '-'], crd)
    t.match(applied.stdout, 'created', applied.stderr)
    const waited = await run(['wait', '--for=condition=Established', `crd/${plural}.example.org`, '--timeout=20s'])
    t.equal(waited.code, 0, waited.stderr)
    const { code, stderr } = await runKubectl(['get', plural, '--cache-dir', join(cluster.folder, `crd-${version}`)], options)
    t.equal(code, 0, stderr)
    t.match(stderr, /No resources found/)
  })
}

t.test('every command left its record under the caller\'s name', (t) => {
  const users = new Set(proxy.events().map(({ user }) => user.username))
  t.ok(users.has('admin') && users.has('reader'))
  t.notOk(proxy.auditText().includes(admin.key) || proxy.logText().includes(admin.key), 'and no key')
  t.end()
})

/** The one thing tested here that has no event: that nothing happens for a while. */
function silence(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
