// Real kubectl against the sample itself: what it needs of an API server, apart from the proxy.
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { runKubectl, type KubectlVersion, type Ran } from '../support/kubectl.ts'
import { startSample } from '../support/sample.ts'
import { removeLater } from '../support/scope.ts'

type Run = (line: string, stdin?: string | object) => Promise<Ran>

async function kubectlOf(t: Test, version: KubectlVersion): Promise<Run> {
  const { sample, ca, token } = await startSample(t, { crdDelay: 0 })
  const folder = await mkdtemp(join(tmpdir(), 'sample-kubectl-'))
  removeLater(t, folder)
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, JSON.stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'c',
    clusters: [{ name: 's', cluster: { server: sample.url, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    users: [{ name: 'u', user: { token } }],
    contexts: [{ name: 'c', context: { cluster: 's', user: 'u', namespace: 'team-a' } }],
  }))
  return (line, stdin = '') => runKubectl(['--cache-dir', join(folder, 'cache'), ...line.split(' ')],
    { version, kubeconfig, stdin: typeof stdin === 'string' ? stdin : JSON.stringify(stdin) })
}

const deployment = (image: string, replicas: number) => ({
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'app' },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'app' } },
    template: { metadata: { labels: { app: 'app' } }, spec: { containers: [{ name: 'main', image, ports: [{ containerPort: 80 }] }] } },
  },
})

const crd = {
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'gadgets.shop.example.com' },
  spec: {
    group: 'shop.example.com', scope: 'Namespaced', names: { plural: 'gadgets', singular: 'gadget', kind: 'Gadget' },
    versions: [{
      name: 'v1', served: true, storage: true,
      schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer', description: 'How large.' } } } } } },
    }],
  },
}

for (const version of ['1.35', '1.29'] as const) {
  t.test(`kubectl ${version}: a token for a service account`, async (t) => {
    const run = await kubectlOf(t, version)
    const { code, stdout } = await run('create token default --duration=30m --audience=vault')
    t.equal(code, 0)
    const { aud, iat = 0, exp = 0, sub } = decodeJwt(stdout.trim())
    t.match([aud, exp - iat, sub], [['vault'], 1800, 'system:serviceaccount:team-a:default'])
    t.match(await run('create token nobody'), { code: 1, stderr: /serviceaccounts "nobody" not found/ })
  })

  t.test(`kubectl ${version}: the life of a deployment`, async (t) => {
    const run = await kubectlOf(t, version)
    t.match(await run('apply -f -', deployment('app:1', 2)), { code: 0, stdout: /created/ })
    t.match(await run('apply -f -', deployment('app:2', 3)), { code: 0, stdout: /configured/ })
    t.match(await run('apply -f -', deployment('app:2', 3)), { code: 0, stdout: /unchanged/ })
    t.match(await run('apply --server-side -f -', deployment('app:3', 3)), { code: 1, stderr: /conflict with "kubectl-client-side-apply" using apps\/v1: \.spec\.template\.spec\.containers/ })
    t.match(await run('apply --server-side --force-conflicts -f -', deployment('app:3', 3)), { code: 0, stdout: /serverside-applied/ })
    t.match(await run('scale deployment app --replicas=1'), { code: 0, stdout: /scaled/ })
    t.match(await run('set image deployment/app main=app:4'), { code: 0, stdout: /image updated/ })
    t.match(await run('rollout restart deployment app'), { code: 0, stdout: /restarted/ })
    t.match(await run('rollout status deployment app --timeout=10s'), { code: 0, stdout: /successfully rolled out/ })
    t.match(await run('get deployment app -o jsonpath={.spec.replicas},{.spec.template.spec.containers[0].image},{.spec.template.spec.containers[0].ports}'),
      { stdout: '1,app:4,[{"containerPort":80}]' })
    t.match(await run('expose deployment app --port=80'), { code: 0, stdout: /exposed/ })
    t.match(await run('delete deployment/app service/app'), { code: 0, stdout: /deployment.*deleted[^]*service.*deleted/ })
  })

  t.test(`kubectl ${version}: create, which new versions send as protobuf`, async (t) => {
    const run = await kubectlOf(t, version)
    for (const line of [
      'create namespace fresh', 'create configmap one --from-literal=a=b', 'create secret generic two --from-literal=a=b',
      'create serviceaccount three', 'create deployment four --image=i --replicas=2', 'create service clusterip five --tcp=80:8080', 'run six --image=i',
    ]) t.match(await run(line), { code: 0, stdout: / created/ }, line)
    t.match(await run('create configmap one'), { code: 1, stderr: /already exists/ })
    t.match(await run('get deployment/four service/five secret/two -o jsonpath={.items[*].spec.replicas},{.items[*].spec.ports[0].targetPort},{.items[*].data}'),
      { stdout: '2,8080,{"a":"Yg=="}' })
    t.match(await run('delete namespace fresh'), { code: 0, stdout: /deleted/ })
  })

  t.test(`kubectl ${version}: a new kind, from its definition to its fields`, async (t) => {
    const run = await kubectlOf(t, version)
    t.match(await run('apply -f -', crd), { code: 0, stdout: /created/ })
    t.match(await run('wait --for=condition=Established crd/gadgets.shop.example.com --timeout=10s'), { code: 0, stdout: /condition met/ })
    const gadget = (spec: object) => ({ apiVersion: 'shop.example.com/v1', kind: 'Gadget', metadata: { name: 'one' }, spec })
    t.match(await run('apply -f -', gadget({ size: 1 })), { code: 0, stdout: /created/ })
    t.match(await run('apply -f -', gadget({ size: 2 })), { code: 0, stdout: /configured/ })
    t.match(await run('apply -f -', gadget({ sise: 2 })), { code: 1, stderr: /unknown field "spec.sise"/ })
    t.match(await run('explain gadget.spec'), { code: 0, stdout: /size\s+<integer>\s+How large/ })
    t.match(await run('delete crd gadgets.shop.example.com'), { code: 0, stdout: /deleted/ })
  })

  t.test(`kubectl ${version}: what else it asks`, async (t) => {
    const run = await kubectlOf(t, version)
    t.match(await run('explain pod.spec.containers.image'), { code: 0, stdout: /FIELD: image <string>/ })
    t.match(await run('auth whoami -o jsonpath={.status.userInfo.username}'), { stdout: 'system:serviceaccount:portcullis:portcullis' })
    t.match(await run('auth can-i create pods'), { code: 0, stdout: 'yes\n' })
    t.match(await run('get pods -A --chunk-size=1 -o name'), { stdout: /^(pod\/.*\n){5}$/ })
    t.match(await run('describe pod web-0'), { code: 0, stdout: /Started container main/ })
    t.match(await run('wait --for=condition=Ready pod/web-0'), { code: 0, stdout: /condition met/ })
    t.match(await run('diff -f -', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { colour: 'red' } }), { code: 1, stdout: /^\+ {2}colour: red$/m })
    t.match(await run('exec -i web-0 -- sh', 'echo $HOSTNAME; exit 4\n'), { code: 4, stdout: 'web-0\n' })
    t.match(await run('delete pods --all --wait=false'), { code: 0, stdout: /web-1.*deleted/ })
  })
}
