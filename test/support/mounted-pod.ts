import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { asFields, type Fields } from '../../src/json-fields.ts'
import { find, type Manifest } from './chart.ts'

export type Files = Readonly<Record<string, string>>

/** What a cluster would bring to the pod's volumes. */
export interface Brought {
  /** Of a Secret or ConfigMap that the chart does not make. */
  readonly outside: Files
  /** Of the pod's service account, whoever it is for. */
  readonly token: string
  /** PEM, of `kube-root-ca.crt`. */
  readonly ca: string
  readonly namespace: string
}

export interface MountedPod {
  /** The file that `--config` of the container names. */
  readonly configFile: string
  /** Where the kubelet would put the token of the pod's account. */
  readonly podFolder: string
}

/**
 * Writes below `root` what the container of the chart's Deployment finds in its volumes, as a kubelet would. In the config
 * `root` goes before the paths of the mounts, and `server` stands for the cluster's own name of its API server.
 */
export async function mountPod(manifests: readonly Manifest[], root: string, server: string, brought: Brought): Promise<MountedPod> {
  const pod = asFields(asFields(asFields(find(manifests, 'Deployment')?.['spec'])['template'])['spec'])
  const container = asFields((pod['containers'] as unknown[])[0])
  const volumes = new Map((pod['volumes'] as Fields[]).map(volume => [volume['name'], volume]))
  const mounts = container['volumeMounts'] as { name: string, mountPath: string }[]
  for (const { name, mountPath } of mounts) {
    const volume = volumes.get(name)
    if (volume === undefined) throw new Error(`no volume ${name}`)
    await mkdir(join(root, mountPath), { recursive: true })
    const mode = modeOf(volume)
    for (const [file, text] of Object.entries(filesOf(volume, manifests, brought))) {
      const path = join(root, mountPath, file)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, text, { mode })
    }
  }
  const [command, option, path = ''] = container['args'] as string[]
  if (command !== 'serve' || option !== '--config') throw new Error('the container runs something else')
  const configFile = join(root, path)
  // Longest first, for one mount lies within another.
  const paths = mounts.map(({ mountPath }) => mountPath).sort((a, b) => b.length - a.length)
  const text = paths.reduce((text, path) => text.replaceAll(` ${path}`, ` ${join(root, path)}`), await readFile(configFile, 'utf8'))
  await writeFile(configFile, text.replaceAll('https://kubernetes.default.svc', server))
  return { configFile, podFolder: join(root, 'var/run/secrets/kubernetes.io/serviceaccount') }
}

function modeOf({ secret, projected }: Fields): number {
  if (secret === undefined && projected === undefined) return 0o644
  const { defaultMode } = asFields(secret ?? projected)
  // Readable by the group that the pod has, and by nobody else: what the product asks of files with secrets.
  if (defaultMode !== 0o440) throw new Error(`a volume with secrets has mode ${String(defaultMode)}, not 288`)
  return defaultMode
}

function filesOf({ configMap, secret, projected }: Fields, manifests: readonly Manifest[], brought: Brought): Files {
  if (projected !== undefined) return Object.assign({}, ...(asFields(projected)['sources'] as Fields[]).map(source => sourceFiles(source, brought))) as Files
  if (configMap !== undefined) return asFields(find(manifests, 'ConfigMap', String(asFields(configMap)['name']))?.['data'] ?? brought.outside) as Files
  if (secret !== undefined) return asFields(find(manifests, 'Secret', String(asFields(secret)['secretName']))?.['stringData'] ?? brought.outside) as Files
  return {}
}

function sourceFiles({ serviceAccountToken, configMap, downwardAPI }: Fields, { token, ca, namespace }: Brought): Files {
  if (serviceAccountToken !== undefined) return { [String(asFields(serviceAccountToken)['path'])]: token }
  if (configMap !== undefined) return { 'ca.crt': ca }
  return downwardAPI === undefined ? {} : { namespace }
}
