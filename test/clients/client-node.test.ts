// @kubernetes/client-node: lists, watches, patches, logs and exec, through the proxy.
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { AppsV1Api, CoreV1Api, Exec, KubeConfig, Log, PatchStrategy, setHeaderOptions, VersionApi, Watch } from '@kubernetes/client-node'
import t from 'tap'
import { startSampleBehindProxy } from '../support/sample-behind-proxy.ts'

const cluster = await startSampleBehindProxy(t, { sample: { logInterval: 20 } })
const configFor = async (key: typeof cluster.admin) => {
  const config = new KubeConfig()
  config.loadFromFile(await cluster.kubeconfig(key))
  return config
}
const config = await configFor(cluster.admin)
const core = config.makeApiClient(CoreV1Api)

t.test('it lists, page by page too, creates, patches and deletes', async (t) => {
  t.match(await config.makeApiClient(VersionApi).getCode(), { major: '1' })
  const { items } = await core.listNamespacedPod({ namespace: 'team-a' })
  t.ok(items.some(({ metadata }) => metadata?.name === 'web-0'))
  const page = await core.listPodForAllNamespaces({ limit: 2 })
  t.equal(page.items.length, 2)
  const next = await core.listPodForAllNamespaces({ limit: 2, _continue: page.metadata?._continue ?? '' })
  t.not(next.items[0]?.metadata?.uid, page.items[0]?.metadata?.uid)
  const named = { name: 'by-client-node', namespace: 'team-a' }
  await core.createNamespacedConfigMap({ namespace: 'team-a', body: { metadata: { name: named.name }, data: { a: 'ü' } } })
  const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch)
  const patched = await core.patchNamespacedConfigMap({ ...named, body: { data: { b: '2' } } }, merge)
  t.strictSame(patched.data, { a: 'ü', b: '2' })
  await core.deleteNamespacedConfigMap(named)
  await t.rejects(core.readNamespacedConfigMap(named), { code: 404 })
  t.ok((await config.makeApiClient(AppsV1Api).listDeploymentForAllNamespaces()).items.length > 0)
})

t.test('a refusal is an ApiException with the Status as its body', async (t) => {
  const reader = (await configFor(cluster.reader)).makeApiClient(CoreV1Api)
  await t.rejects(reader.listNamespacedSecret({ namespace: 'team-a' }), { code: 403, body: /ScopeDenied/ })
})

t.test('a watch sees what happens, and ends when it is stopped', async (t) => {
  const events: string[] = []
  let seen: (() => void) | undefined
  const created = new Promise<void>((resolve) => { seen = resolve })
  let ended: ((error: unknown) => void) | undefined
  const done = new Promise((resolve) => { ended = resolve })
  const watch = await new Watch(config).watch('/api/v1/namespaces/team-a/configmaps', {}, (phase: string, object: { metadata: { name: string } }) => {
    events.push(`${phase} ${object.metadata.name}`)
    if (object.metadata.name === 'watched') seen?.()
  }, (error: unknown) => ended?.(error))
  await core.createNamespacedConfigMap({ namespace: 'team-a', body: { metadata: { name: 'watched' } } })
  await created
  t.ok(events.includes('ADDED watched'))
  watch.abort()
  await done
})

t.test('a log is followed', async (t) => {
  const stream = new PassThrough()
  const follow = await new Log(config).log('team-a', 'web-0', 'main', stream, { follow: true })
  for await (const piece of stream) {
    t.match(String(piece), /web-0 started/)
    break
  }
  follow.abort()
})

t.test('exec pipes stdin through and reports the status', async (t) => {
  const stdout = new PassThrough()
  const all = text(stdout)
  const status = await new Promise<{ status?: string }>((resolve, reject) => {
    new Exec(config).exec('team-a', 'web-1', 'main', ['cat'], stdout, new PassThrough(), Readable.from(['hello\n']), false, resolve).catch(reject)
  })
  t.match(status, { status: 'Success' })
  stdout.end()
  t.equal(await all, 'hello\n')
})
