import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeAuthority } from './certificates.ts'
import { keyFor } from './keys.ts'
import { page, root } from './pages.ts'
import type { PageWorld } from './page-world.ts'

/** Pages that begin with nothing: they make all that they need. */
const fromNothing = new Set(['README.md', 'docs/from-a-shared-token.md'])

/** Puts into the folder of a page what its reader has when they read it: the README's trial, and some use of it. */
export async function prepare(path: string, world: PageWorld): Promise<void> {
  if (path === 'README.md') {
    await symlink(join(root, 'node_modules'), join(world.folder, 'node_modules'))
    // npm start, but for the build.
    await must(world.run, 'portcullis demo --port 0')
  }
  if (fromNothing.has(path)) return
  await trial(world)
  if (path !== 'docs/reference/image-and-chart.md') await must(world.run, 'kubectl create namespace portcullis')
  await more[path]?.(world)
}

/** The folder with which the README's trial ends, without its steps. */
async function trial({ folder, cluster, writeFile: put, run }: PageWorld): Promise<void> {
  const { cert, key } = makeAuthority('portcullis').issue({ names: ['portcullis.example', 'localhost'] })
  const token = 'sample-token'
  const readme = page('README.md')
  for (const block of readme.blocks.filter(({ how }) => how === 'file')) await put(block)
  const files = { 'tls.crt': cert, 'tls.key': key, token, 'prod-ca.crt': cluster.ca }
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text, { mode: 0o600 })))
  await must(run, 'umask 077\nportcullis key create ci --expires 90d > ci.key')
}

async function must(run: PageWorld['run'], text: string): Promise<void> {
  const { code, output } = await run(text)
  if (code !== 0) throw new Error(`the folder could not be prepared: ${output}`)
}

const known = keyFor('k7Q2mX9a')
const leaked = keyFor('leaked00')

const more: Readonly<Record<string, (world: PageWorld) => Promise<void>>> = {
  'docs/reference/callers.md': async ({ folder }) => {
    await writeFile(join(folder, 'leaked.key'), leaked.key)
    await writeFile(join(folder, 'callers.yaml'), `scopes:
  - name: read-workloads
    rules: [{ apiGroups: [""], resources: [pods], verbs: [list], namespaces: [team-a] }]
  - name: view
    rules: [{ apiGroups: [""], resources: [services], verbs: [list], namespaces: [team-a, team-b] }]
callers:
  - name: deployer
    scopes: [view]
    keys:
      - { id: ${known.id}, sha256: ${known.sha256}, expiresAt: 2099-02-19T10:00:00Z }
      - { id: ${leaked.id}, sha256: ${leaked.sha256}, expiresAt: 2099-02-19T10:00:00Z }
`)
  },
  'docs/reference/commands.md': ({ run }) => must(run, 'kubectl create namespace team-b-web && kubectl create namespace team-b-jobs'),
  'docs/operating.md': ({ run }) => must(run, `portcullis serve\n${request('namespaces/team-a/secrets')}`),
  'docs/reference/audit.md': async (world) => {
    await used(world)
    const { folder, run } = world
    await mkdir(join(folder, 'callers'))
    await must(run, `mkdir proposed && cp callers.yaml proposed/ && for log in audit-*.log; do gzip -k "$log"; done
kubectl -n portcullis create deployment portcullis --image portcullis
kubectl -n portcullis run portcullis-0 --image portcullis --labels app=portcullis`)
  },
}

/** Asks the proxy for a path of /api/v1, as ci. */
function request(path: string): string {
  return `printf 'Authorization: Bearer %s' "$(cat ci.key)" | curl --silent --cacert tls.crt -H @- https://localhost:8443/api/v1/${path} >/dev/null`
}

/** An audit log of some requests, in several files, signed. */
async function used({ run }: PageWorld): Promise<void> {
  await must(run, `openssl genpkey -algorithm ed25519 -out audit-signing.pem && chmod 600 audit-signing.pem
sed 's/path: audit.log/path: audit.log, maxSize: 2KiB, signingKeyFile: audit-signing.pem/' portcullis.yaml > signing.yaml
portcullis serve --config signing.yaml
${['pods', 'pods/none', 'secrets', 'services'].map(path => request(`namespaces/team-a/${path}`)).join('\n')}
${request('namespaces/other/pods')}
kill $(cat .pids) && while kill -0 $(cat .pids) 2>/dev/null; do sleep 0.1; done`)
}
