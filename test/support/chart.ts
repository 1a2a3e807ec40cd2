import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'
import { helm, type KubectlVersion } from './kubectl.ts'

export const chart = fileURLToPath(new URL('../../helm/portcullis/', import.meta.url))

/** Where every release of the tests is. */
export const releaseNamespace = 'portcullis'

/** A manifest, of which no more is known. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string, readonly namespace?: string, readonly labels?: Readonly<Record<string, string>>, readonly annotations?: Readonly<Record<string, string>> }
  readonly [field: string]: unknown
}

export interface Rendered {
  readonly text: string
  readonly manifests: readonly Manifest[]
}

/** Names of the value sets in `ci/`, where chart-testing looks for them. */
export async function valueSets(): Promise<string[]> {
  return (await readdir(`${chart}ci`)).map(file => file.replace(/-values\.yaml$/, '')).sort()
}

export function valuesFile(name: string): string {
  return `${chart}ci/${name}-values.yaml`
}

/** `helm template` of a release called portcullis, by helm 4 or the helm 3 of an older package. Rejects with what helm said. */
export async function render(args: readonly string[], version?: KubectlVersion): Promise<Rendered> {
  const text = await runHelm(['template', 'portcullis', chart, '--namespace', releaseNamespace, '--kube-version', '1.35.0', ...args], version)
  return { text, manifests: readManifests(text) }
}

export function readManifests(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => {
    const [error] = document.errors
    if (error !== undefined) throw error
    return document.toJS() as Manifest | null
  }).filter(manifest => manifest !== null)
}

/** Resolves with stdout; rejects with what helm said. It reads nothing of whoever runs the tests. */
export async function runHelm(args: readonly string[], version?: KubectlVersion): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: '/nonexistent', HELM_NO_PLUGINS: '1' }
  const { stdout } = await promisify(execFile)(await helm(version), args, { env, timeout: 100_000, maxBuffer: 64 << 20 })
  return stdout
}

export function find(manifests: readonly Manifest[], kind: string, name?: string): Manifest | undefined {
  return manifests.find(manifest => manifest.kind === kind && (name === undefined || manifest.metadata.name === name))
}
