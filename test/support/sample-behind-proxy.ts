import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { createSampleCluster, type SampleCluster, type SampleOptions, type SampleRequest } from '../../src/sample/cluster.ts'
import { callerEntry } from './attack-target.ts'
import { makeAuthority } from './certificates.ts'
import { keyFor, type TestKey } from './keys.ts'
import { startProxy, type ProxyOptions, type TestProxy } from './proxy.ts'
import { removeLater } from './scope.ts'

const everything = [
  {
    verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'],
    // The sample stands for OpenShift too, where exec and new CRDs open routes that real clients here are to use.
    acknowledge: ['run-as-us', 'intercept', 'own-credential', 'own-callers', 'grant-role'],
  },
  { nonResourceURLs: ['*'], verbs: ['*'] },
]
const reading = [{
  apiGroups: ['', 'apps'], resources: ['pods', 'pods/log', 'deployments'], verbs: ['get', 'list', 'watch'], namespaces: ['team-a'],
}]

/** The sample cluster behind a proxy over TLS, as real clients would see it. */
export interface SampleBehindProxy {
  readonly sample: SampleCluster
  readonly proxy: TestProxy
  /** May do all. */
  readonly admin: TestKey
  /** May read pods, logs and deployments in team-a. */
  readonly reader: TestKey
  /** `https://localhost:<port>`. */
  readonly server: string
  /** Path of the CA file. */
  readonly caFile: string
  readonly folder: string
  /** Writes a kubeconfig for this key and returns its path. */
  kubeconfig(key: TestKey): Promise<string>
  /** What reached the cluster since `from` requests, less what the proxy asks for itself. */
  requestsSince(from: number): readonly SampleRequest[]
}

export interface SampleBehindProxyOptions {
  readonly sample?: Partial<SampleOptions>
  readonly proxy?: Partial<Omit<ProxyOptions, 'upstreams' | 'token' | 'callers' | 'tls'>>
}

export async function startSampleBehindProxy(t: Test, options: SampleBehindProxyOptions = {}): Promise<SampleBehindProxy> {
  const inner = makeAuthority('sample authority')
  const outer = makeAuthority('proxy authority')
  const token = 'sample-token-0123456789abcdef'
  const sample = await createSampleCluster({ token, certificate: inner.issue(), ...options.sample })
  t.teardown(() => sample.close())
  const admin = keyFor('admin000')
  const reader = keyFor('reader00')
  const proxy = await startProxy(t, {
    ...options.proxy,
    upstreams: { prod: { url: sample.url, ca: inner.ca } },
    token,
    tls: outer,
    callers: { callers: [callerEntry('admin', admin, everything), callerEntry('reader', reader, reading)] },
  })
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-clients-'))
  removeLater(t, folder)
  const caFile = join(folder, 'ca.crt')
  await writeFile(caFile, outer.ca)
  const server = `https://localhost:${proxy.port}`
  return {
    sample, proxy, admin, reader, server, caFile, folder,
    kubeconfig: async (key) => {
      const path = join(folder, `kubeconfig-${key.id}`)
      await writeFile(path, JSON.stringify(kubeconfigOf(server, caFile, key)), { mode: 0o600 })
      return path
    },
    requestsSince: (from) => sample.requests().slice(from).filter(({ headers }) => headers.some((name) => /^x-forwarded-for$/i.test(name))),
  }
}

function kubeconfigOf(server: string, caFile: string, { key }: TestKey): object {
  return {
    'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'test',
    'clusters': [{ name: 'test', cluster: { server, 'certificate-authority': caFile } }],
    'users': [{ name: 'test', user: { token: key } }],
    'contexts': [{ name: 'test', context: { cluster: 'test', user: 'test', namespace: 'team-a' } }],
  }
}
