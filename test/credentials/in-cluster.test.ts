import { chmodSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createInCluster } from '../../src/credentials/in-cluster.ts'
import { isInPod, podFolder, podServer } from '../../src/credentials/pod.ts'
import type { watchFiles } from '../../src/files/watch.ts'
import { jwt } from './tokens.ts'

const first = jwt({ sub: 'system:serviceaccount:portcullis:proxy', exp: 1_800_000_000 })
const second = jwt({ sub: 'system:serviceaccount:portcullis:proxy', exp: 1_900_000_000 })

t.test('the pod\'s API server is where its environment says', async (t) => {
  const at = (host?: string, port?: string) => podServer({ KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port })
  t.equal(at('10.96.0.1', '443'), 'https://10.96.0.1:443')
  t.equal(at('fd00::1', '6443'), 'https://[fd00::1]:6443')
  t.equal(at('api.internal', '6443'), 'https://api.internal:6443')
  for (const [host, port] of [[], ['10.96.0.1'], [undefined, '443'], ['', '443']]) {
    t.throws(() => at(host, port), { message: /for a process in a pod, and this is none: KUBERNETES_SERVICE_HOST/ })
  }
  t.equal(isInPod({ KUBERNETES_SERVICE_HOST: '10.96.0.1' }), true)
  t.equal(isInPod({}), false)
  t.equal(podFolder, '/var/run/secrets/kubernetes.io/serviceaccount')
})

t.test('its token is reread after the kubelet\'s symlink swap, though the kubelet wrote it for everybody to read', async (t) => {
  const folder = t.testdir({ '..v1': { token: first }, '..v2': { token: second } })
  for (const version of ['..v1', '..v2']) chmodSync(join(folder, version, 'token'), 0o644)
  symlinkSync('..v1', join(folder, '..data'))
  symlinkSync('..data/token', join(folder, 'token'))
  const watched: string[] = []
  const watch: typeof watchFiles = async (paths) => {
    watched.push(...paths)
    return { close: () => {} }
  }
  const credential = await createInCluster({ folder, watch, warn: message => t.fail(message) })
  t.strictSame(watched, [join(folder, 'token')])
  t.equal(credential.present().authorization, `Bearer ${first}`)
  t.match(credential.facts(), { kind: 'inCluster', source: `the file ${folder}/token`, claims: { account: { namespace: 'portcullis', name: 'proxy' } } })
  const rejected = credential.present()
  symlinkSync('..v2', join(folder, '..data_tmp'))
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
  t.equal(await credential.renew(rejected), true)
  t.equal(credential.present().authorization, `Bearer ${second}`)
})

t.test('without a token there is no start', async (t) => {
  const folder = t.testdir({})
  await t.rejects(createInCluster({ folder, warn: () => {} }), { message: `the file ${folder}/token does not exist` })
  mkdirSync(join(folder, 'token'))
  await t.rejects(createInCluster({ folder, warn: () => {} }), { message: /token is a folder/ })
  const empty = t.testdir({})
  writeFileSync(join(empty, 'token'), '')
  await t.rejects(createInCluster({ folder: empty, warn: () => {} }), { message: /is empty$/ })
})
