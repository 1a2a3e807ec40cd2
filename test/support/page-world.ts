import { spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Test } from 'tap'
import { builtMain } from './built.ts'
import { freePort } from './envtest.ts'
import { helm, kubectl } from './kubectl.ts'
import { root, type Block } from './pages.ts'
import { startSample, type TestSample } from './sample.ts'
import { removeLater } from './scope.ts'

/** Where the commands of a page run: a folder, a sample cluster with the kinds of RBAC, and the tools on PATH. */
export interface PageWorld {
  readonly folder: string
  readonly cluster: TestSample
  /** Writes a block of a file under the name in its first line. */
  writeFile(block: Block): Promise<void>
  /** Runs commands to their end, by bash that stops at the first failure. */
  run(text: string): Promise<{ readonly code: number | null, readonly output: string }>
  /** With the hosts and ports of the docs replaced by those that there are. */
  here(text: string): string
}

const rbacKinds: readonly (readonly [plural: string, kind: string, scope: string])[] = [
  ['roles', 'Role', 'Namespaced'], ['rolebindings', 'RoleBinding', 'Namespaced'],
  ['clusterroles', 'ClusterRole', 'Cluster'], ['clusterrolebindings', 'ClusterRoleBinding', 'Cluster'],
]

/** RBAC's kinds as custom ones: they are kept, and say nothing about who may do what. */
async function addRbac({ call }: TestSample): Promise<void> {
  const schema = { openAPIV3Schema: { 'type': 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  await Promise.all(rbacKinds.map(([plural, kind, scope]) => call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    body: {
      apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `${plural}.rbac.authorization.k8s.io` },
      spec: {
        group: 'rbac.authorization.k8s.io', scope, names: { plural, kind, singular: kind.toLowerCase(), listKind: `${kind}List` },
        versions: [{ name: 'v1', served: true, storage: true, schema }],
      },
    },
  })))
}

export async function createPageWorld(t: Test): Promise<PageWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-page-'))
  removeLater(t, folder)
  const cluster = await startSample(t, { crdDelay: 0, authenticate: given => [`Bearer ${adminToken}`, `Bearer ${pageToken}`].includes(given) ? account : undefined })
  await addRbac(cluster)
  // The one that the sample has is for others: a reader begins with none.
  await cluster.call('DELETE', '/api/v1/namespaces/portcullis')
  const [port, adminPort, ownPort] = [await freePort(), await freePort(), await freePort()]
  const place = (text: string) => text
    .replaceAll('portcullis.example:8443', `localhost:${port}`).replaceAll('localhost:8443', `localhost:${port}`)
    .replaceAll('api.prod.example:6443', `localhost:${cluster.sample.port}`)
    .replaceAll('port: 18444', `port: ${ownPort}`)
    .replaceAll('127.0.0.1:9443', `127.0.0.1:${adminPort}`)
  const here = (text: string) => place(text).replace(/^( +)port: 8443/m, `$1port: ${port}`)
  await Promise.all([writeTools(folder), writeKubeconfig(folder, cluster), symlink(join(root, 'helm'), join(folder, 'helm')), symlink(join(root, 'config'), join(folder, 'config'))])
  const pids = join(folder, '.pids')
  t.teardown(async () => {
    for (const pid of (await readFile(pids, 'utf8').catch(() => '')).split('\n').filter(Boolean)) end(Number(pid))
  })
  const env = {
    PATH: [join(folder, '.bin'), process.env['PATH']].join(delimiter), HOME: join(folder, '.home'), TMPDIR: join(folder, '.home'), KUBECONFIG: join(folder, '.kubeconfig'),
    PAGE_MAIN: builtMain(), PAGE_KUBECTL: await kubectl('1.35'), PAGE_HELM: await helm('1.35'), PAGE_NODE: process.execPath, PAGE_PIDS: pids, PAGE_ROOT: root,
    NODE_PATH: join(root, 'node_modules'),
  }
  await mkdir(env.HOME)
  return {
    folder, cluster, here,
    writeFile: ({ text }) => {
      const name = /^# (\S+)\n/.exec(text)?.[1] ?? ''
      const listener = name === 'portcullis.yaml' && !/^admin:/m.test(text) ? `admin: { port: ${adminPort} }\n` : ''
      const own = name === 'portcullis.yaml' && !/^ +port: 8443/m.test(text) ? text.replace('listen: { ', `listen: { port: ${port}, `) : text
      return writeFile(join(folder, name), here(own) + listener)
    },
    run: async (text) => {
      const ran = await bash(here(withExitCodes(text)), folder, env)
      await fillTokens(cluster)
      await logEvent(cluster)
      return ran
    },
  }
}

const account = 'system:serviceaccount:portcullis:portcullis'
const adminToken = 'sample-token'
/** Of our own account, as the controller of a cluster writes it into a Secret. */
const pageToken = `${[{ alg: 'RS256' }, { iss: 'https://sample.invalid', sub: account }].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.c2lnbmF0dXJl`

/** What the controller of a cluster does that the sample has none of: it fills Secrets of this type. */
async function fillTokens({ call }: TestSample): Promise<void> {
  const { json } = await call('GET', '/api/v1/namespaces/portcullis/secrets')
  for (const { metadata, type, data } of (json['items'] ?? []) as unknown as { metadata: { name: string }, type?: string, data?: object }[]) {
    if (type !== 'kubernetes.io/service-account-token' || data !== undefined) continue
    const patch = { data: { token: Buffer.from(pageToken).toString('base64') } }
    await call('PATCH', `/api/v1/namespaces/portcullis/secrets/${metadata.name}`, { type: 'application/merge-patch+json', body: patch })
  }
}

/** What the pod of the chart would write: its log has one event. */
async function logEvent({ call, sample }: TestSample): Promise<void> {
  const { status } = await call('GET', '/api/v1/namespaces/portcullis/pods/portcullis-0')
  if (status === 200) sample.writeLog('portcullis', 'portcullis-0', JSON.stringify(event))
}

const event = {
  kind: 'Event', apiVersion: 'audit.k8s.io/v1', level: 'Metadata', auditID: 'c9f3d1f0-0d3a-4d59-9c0a-000000000000', stage: 'ResponseComplete',
  requestURI: '/api/v1/namespaces/team-a/pods', verb: 'list', user: { username: 'dashboard' }, sourceIPs: ['127.0.0.1'],
  objectRef: { resource: 'pods', namespace: 'team-a', apiVersion: 'v1' }, responseStatus: { metadata: {}, code: 200 },
  requestReceivedTimestamp: '2026-11-28T10:00:00.000000Z', stageTimestamp: '2026-11-28T10:00:00.010000Z',
  annotations: { 'authorization.k8s.io/decision': 'allow' },
}

async function writeKubeconfig(folder: string, { sample, ca }: TestSample): Promise<void> {
  await writeFile(join(folder, '.kubeconfig'), JSON.stringify({
    'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'admin',
    'clusters': [{ name: 'prod', cluster: { 'server': `https://localhost:${sample.port}`, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    'users': [{ name: 'admin', user: { token: adminToken } }], 'contexts': [{ name: 'admin', context: { cluster: 'prod', user: 'admin', namespace: 'team-a' } }],
  }), { mode: 0o600 })
}

/** A line that ends in `# exit code N` has to end with that code, and its comment goes on behind a colon. */
function withExitCodes(text: string): string {
  return text.replace(/^(.*?\S) +# exit code (\d+)(?::.*)?$/gm, (_, line: string, code: string) => `code=0; ${line} || code=$?; [ "$code" = ${code} ]`)
}

/** What stands in for a tool says so here; docs/README.md tells readers. */
const tools: Readonly<Record<string, string>> = {
  // serve and demo go on in the background until the page has been tested; what follows (-f) is ended after a moment.
  portcullis: `
case "$1 $*" in
  serve\\ *|demo\\ *)
    "$PAGE_NODE" "$PAGE_MAIN" "$@" >.out 2>.err & pid=$!; echo $pid >>"$PAGE_PIDS"
    until grep -q 'listening\\|Ctrl-C' .out .err; do kill -0 $pid || { cat .err >&2; exit 1; }; sleep 0.1; done
    cat .out;;
  *' -f'*) timeout --signal INT 3 "$PAGE_NODE" "$PAGE_MAIN" "$@" || [ $? = 124 ];;
  *) exec "$PAGE_NODE" "$PAGE_MAIN" "$@";;
esac`,
  npx: '[ "$1" = portcullis ] && exec "$@"',
  npm: `
case "$1" in
  ci|test|start) ;;
  run) "$PAGE_NODE" -e 'process.exit(process.argv[1] in require(process.env.PAGE_ROOT + "package.json").scripts ? 0 : 1)' "$2";;
  *) echo "npm $1: is not known to the docs' tests" >&2; exit 1;;
esac`,
  // The sample reads RBAC's kinds as JSON, and kubectl create would send protobuf.
  kubectl: `
case "$*" in
  create\\ *role*) "$PAGE_KUBECTL" "$@" --dry-run=client --output json | "$PAGE_KUBECTL" create -f -;;
  *) exec "$PAGE_KUBECTL" "$@";;
esac`,
  oc: 'exec kubectl "$@"',
  // The real one renders, and asks no cluster; of what it would make there is a deployment and a pod, whose log has an event.
  helm: `
case "$1" in
  install|upgrade) "$PAGE_HELM" template "\${@:2}" >.helm
    kubectl -n portcullis get deployment portcullis >/dev/null 2>&1 || {
      kubectl -n portcullis create deployment portcullis --image portcullis
      kubectl -n portcullis run portcullis-0 --image portcullis --labels app=portcullis
    };;
  test|rollback|uninstall|get|history) words="$*"; help=$("$PAGE_HELM" "$1" --help)
    for word in $words; do case "$word" in --*) grep -q -- "\${word%%=*}" <<<"$help" || { echo "helm $1 has no $word" >&2; exit 1; };; esac; done;;
  *) exec "$PAGE_HELM" "$@";;
esac`,
  // No engine: its words alone, held against those of its reference that we use.
  docker: `
case "$*" in
  'buildx imagetools inspect --format '*) echo sha256:0;;
  'build --build-arg '*) [ -n "$(grep -o -- '--tag [a-z]' <<<"$*")" ];;
  'run --read-only --volume '*) ;;
  'push '*) ;;
  *) echo "docker $*: is not known to the docs' tests" >&2; exit 1;;
esac`,
}

async function writeTools(folder: string): Promise<void> {
  await mkdir(join(folder, '.bin'))
  await Promise.all(Object.entries(tools).map(async ([name, text]) => {
    const file = join(folder, '.bin', name)
    await writeFile(file, `#!/usr/bin/env bash\nset -eu -o pipefail\n${text.trim()}\n`)
    await chmod(file, 0o755)
  }))
}

function bash(text: string, cwd: string, env: Readonly<Record<string, string>>): Promise<{ code: number | null, output: string }> {
  const child = spawn('bash', ['-eu', '-o', 'pipefail', '-c', text], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let output = ''
  const timer = setTimeout(() => { end(-(child.pid ?? 0)) }, 60_000)
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => { output += chunk.toString() })
  return new Promise(resolve => child.once('exit', (code) => {
    clearTimeout(timer)
    resolve({ code, output })
  }))
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch { /* it has ended by itself */ }
}
