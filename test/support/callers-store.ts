import type { Test } from 'tap'
import { createKubernetesCallers, type KubernetesCallers, type KubernetesCallersOptions } from '../../src/callers/kubernetes-store.ts'
import { definitionFiles } from '../../src/callers/kubernetes/definitions.ts'
import { parse } from 'yaml'
import type { SampleOptions } from '../../src/sample/cluster.ts'
import { clusterFor, credentialOf, type TestCredential } from './cluster-builders.ts'
import { startSample, type TestSample } from './sample.ts'
import { startTcpFront, type TcpFront } from './tcp-front.ts'
import { until } from './until.ts'

/** Not that of our own account, which the guard knows by itself. */
export const namespace = 'gatekeeping'

/** A sample cluster that has the CRDs and a namespace for callers, and a way to it that can be cut. */
export interface StoreServer extends TestSample {
  readonly front: TcpFront
  put(plural: 'callers' | 'scopes', name: string, spec: object): Promise<void>
  patch(plural: 'callers' | 'scopes', name: string, spec: object): Promise<void>
  remove(plural: 'callers' | 'scopes', name: string): Promise<void>
  status(plural: 'callers' | 'scopes', name: string): Promise<Record<string, unknown>>
}

const path = (plural: string, name = '') => `/apis/portcullis.dev/v1alpha1/namespaces/${namespace}/${plural}${name === '' ? '' : `/${name}`}`
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'

export async function installDefinitions({ call }: Pick<TestSample, 'call'>): Promise<void> {
  for (const text of Object.values(definitionFiles())) {
    const { status, text: answer } = await call('POST', definitions, { body: parse(text) as object })
    if (status !== 201) throw new Error(answer)
  }
  for (const plural of ['callers', 'scopes']) await until(async () => (await call('GET', path(plural))).status === 200)
}

export async function startStoreServer(t: Test, options: Partial<SampleOptions> & { readonly shut?: boolean, readonly bare?: boolean } = {}): Promise<StoreServer> {
  const { shut = false, bare = false, ...sampleOptions } = options
  const sample = await startSample(t, { crdDelay: 0, ...sampleOptions })
  const { call } = sample
  const done = async (method: string, at: string, body?: object, type?: string) => {
    const { status, text } = await call(method, at, { ...body === undefined ? {} : { body }, ...type === undefined ? {} : { type } })
    if (status > 299) throw new Error(`${method} ${at}: ${status} ${text}`)
  }
  await call('POST', '/api/v1/namespaces', { body: { metadata: { name: namespace } } })
  if (!bare) await installDefinitions(sample)
  return {
    ...sample,
    front: await startTcpFront(t, sample.sample.port, { shut }),
    put: (plural, name, spec) => done('POST', path(plural), { metadata: { name }, spec }),
    patch: (plural, name, spec) => done('PATCH', path(plural, name), { spec }, 'application/merge-patch+json'),
    remove: (plural, name) => done('DELETE', path(plural, name)),
    status: async (plural, name) => {
      const { json } = await call('GET', path(plural, name))
      return (json['status'] ?? {}) as Record<string, unknown>
    },
  }
}

export interface Line {
  readonly level: string
  readonly message: string
  readonly facts: Readonly<Record<string, unknown>>
}

export interface TestStore {
  readonly store: KubernetesCallers
  readonly credential: TestCredential
  readonly lines: readonly Line[]
  /** What was reported, the last last. */
  readonly reports: readonly boolean[]
}

export function openStore(t: Test, { front, ca, token }: StoreServer, options: Partial<KubernetesCallersOptions> = {}): TestStore {
  const credential = credentialOf(token)
  const cluster = clusterFor(t, { url: `https://localhost:${front.port}`, ca }, { credential, timeouts: { connect: 5000, response: 10_000 } })
  const lines: Line[] = []
  const reports: boolean[] = []
  const line = (level: string) => (facts: object, message: string) => { lines.push({ level, message, facts: facts as Line['facts'] }) }
  const log = { info: line('info'), warn: line('warn'), error: line('error'), debug: line('debug') }
  const store = createKubernetesCallers({ namespace, cluster: () => cluster, clusters: ['prod'], log, report: ok => reports.push(ok), ...options })
  t.teardown(() => store.close())
  return { store, credential, lines, reports }
}

export const rule = { verbs: ['get'], apiGroups: [''], resources: ['pods'], namespaces: ['team-a'] }

export function keyOf(id: string, fields: object = {}): object {
  return { id, sha256: 'ab'.repeat(32), ...fields }
}
