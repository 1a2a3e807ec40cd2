import { isCidr, isLoopback } from '../addresses/cidr.ts'
import type { Finding, Path, Sound } from '../files/fault.ts'
import { auditFaults } from './rules-audit.ts'
import type { WrittenCluster, WrittenConfig } from './schema.ts'
import { longestTimer, parseDuration, parseSize } from './units.ts'

const goIdleTimeout = 90_000
// HTTP/2 announces it in 32 bits; far below that it is a way to fill memory.
const largestHeader = 16 * 1024 ** 2

/** What a schema cannot say: how fields bear on each other. */
export function findFaults(config: WrittenConfig, sound: Sound): Finding[] {
  const clusters = Array.isArray(config.clusters) ? config.clusters : []
  return [
    ...listenFaults(config.listen, sound),
    ...clusters.flatMap((cluster, index) => serverFaults(cluster, ['clusters', index, 'server'], sound)),
    ...timerFaults(config, clusters, sound),
    ...clusters.flatMap((cluster, index) => lifetimeFaults(cluster, ['clusters', index, 'credential', 'tokenRequest', 'lifetime'], sound)),
    ...sizeFaults(config, clusters, sound),
    ...auditFaults(config, sound),
    ...duplicateNames(clusters),
    ...sound(['self']) && sound(['clusters']) ? selfFaults(config) : [],
    ...sound(['callers']) && sound(['clusters']) ? storeFaults(config) : [],
  ]
}

/** What may be meant so, but is worth a word. */
export function findWarnings(config: WrittenConfig): Finding[] {
  const warnings: Finding[] = []
  if ((parseDuration(config.listen.keepAlive) ?? 0) <= goIdleTimeout) {
    warnings.push({ path: ['listen', 'keepAlive'], message: 'Go clients keep idle connections for 90s: a shorter time here may lose their writes' })
  }
  return warnings
}

function listenFaults(listen: WrittenConfig['listen'], sound: Sound): Finding[] {
  const faults = sound(['listen', 'trustedProxies']) ? sourceFaults(listen.trustedProxies) : []
  const known = (['host', 'tls', 'insecure'] as const).every(name => sound(['listen', name]))
  if (!known || listen.tls !== undefined || listen.insecure || isLoopback(listen.host)) return faults
  const message = 'plain HTTP is served on loopback alone: set tls: { certFile, keyFile }, or insecure: true where something in front does TLS'
  return [...faults, { path: ['listen'], message }]
}

function sourceFaults(trustedProxies: readonly string[]): Finding[] {
  return trustedProxies.flatMap((cidr, index): Finding[] => {
    return isCidr(cidr) ? [] : [{ path: ['listen', 'trustedProxies', index], message: 'must be a CIDR such as 10.0.0.0/8' }]
  })
}

function serverFaults(cluster: WrittenCluster, path: Path, sound: Sound): Finding[] {
  if (!sound(path)) return []
  if (cluster.server !== undefined) return urlFaults(cluster.server).map(message => ({ path, message }))
  if (!sound(path.slice(0, -1)) || !sound([...path.slice(0, -1), 'credential']) || knowsServer(cluster.credential)) return []
  return [{ path, message: 'is missing (only with the credential inCluster or kubeconfig may it be left out)' }]
}

/** The pod and the kubeconfig name their API server. */
function knowsServer({ inCluster, kubeconfig, tokenRequest }: WrittenCluster['credential']): boolean {
  return [inCluster, kubeconfig, tokenRequest?.bootstrap?.inCluster, tokenRequest?.bootstrap?.kubeconfig].some(kind => kind !== undefined)
}

// The value is not repeated: a URL may hold a password.
function urlFaults(server: string): string[] {
  if (!URL.canParse(server)) return ['must be a URL: https://host[:port][/path]']
  const { protocol, username, password, search, hash } = new URL(server)
  const faults: string[] = []
  if (protocol !== 'https:') faults.push('must be https: the credential is never sent in the clear')
  if (username !== '' || password !== '') faults.push('must hold no user or password: that is what credential is for')
  if (search !== '' || hash !== '') faults.push('must have no query and no fragment')
  return faults
}

function timerFaults(config: WrittenConfig, clusters: readonly WrittenCluster[], sound: Sound): Finding[] {
  const paths: Path[] = [['listen', 'keepAlive'], ['limits', 'headerTimeout']]
  for (const [index, cluster] of clusters.entries()) {
    paths.push(['clusters', index, 'timeouts', 'connect'], ['clusters', index, 'timeouts', 'response'], ...pluginTimeouts(cluster, index))
  }
  return paths.filter(sound).flatMap((path): Finding[] => {
    const duration = parseDuration(String(path.reduce<unknown>(fieldOf, config))) ?? 0
    return duration > 0 && duration <= longestTimer ? [] : [{ path, message: 'must be more than 0 and at most 24d' }]
  })
}

/** Plugins have one of their own: as the credential, or as what asks for tokens. */
function pluginTimeouts(cluster: WrittenCluster | null, index: number): Path[] {
  const { exec, tokenRequest } = cluster?.credential ?? {}
  return [
    ...exec === undefined ? [] : [['clusters', index, 'credential', 'exec', 'timeout']],
    ...tokenRequest?.bootstrap?.exec === undefined ? [] : [['clusters', index, 'credential', 'tokenRequest', 'bootstrap', 'exec', 'timeout']],
  ]
}

/** Nothing at all breaks what takes these; a body of at most nothing is a limit like any other. */
function sizeFaults(config: WrittenConfig, clusters: readonly WrittenCluster[], sound: Sound): Finding[] {
  const sinks = sound(['audit', 'sinks']) ? config.audit.sinks : []
  const paths: Path[] = [
    ...[...clusters.keys()].map(index => ['clusters', index, 'discovery', 'maxSize']),
    ...sinks.flatMap(({ file }, index) => file === undefined ? [] : [['audit', 'sinks', index, 'file', 'maxSize']]),
  ]
  const sizeAt = (path: Path) => parseSize(String(path.reduce<unknown>(fieldOf, config))) ?? 0
  const faults = paths.filter(sound).filter(path => sizeAt(path) === 0).map(path => ({ path, message: 'must be more than 0' }))
  const header: Path = ['limits', 'maxHeaderSize']
  const bad = sound(header) && (sizeAt(header) === 0 || sizeAt(header) > largestHeader)
  return bad ? [...faults, { path: header, message: 'must be more than 0 and at most 16MiB' }] : faults
}

/** The API server refuses to make tokens that live for less (apis/authentication/validation). */
const shortestLifetime = 600_000

function lifetimeFaults(cluster: WrittenCluster, path: Path, sound: Sound): Finding[] {
  if (!sound(path)) return []
  const { tokenRequest } = cluster.credential
  return tokenRequest === undefined || (parseDuration(tokenRequest.lifetime) ?? 0) >= shortestLifetime ? [] : [{ path, message: 'must be at least 10m: the API server makes no tokens that live for less' }]
}

function fieldOf(value: unknown, name: string | number): unknown {
  return (value as Readonly<Record<string | number, unknown>>)[name]
}

function duplicateNames(clusters: readonly WrittenCluster[]): Finding[] {
  return clusters.flatMap((cluster, index): Finding[] => {
    const first = clusters.findIndex(other => other?.name === cluster?.name)
    if (first === index || typeof cluster?.name !== 'string') return []
    return [{ path: ['clusters', index, 'name'], message: `is the name of clusters[${first}] already` }]
  })
}

function selfFaults({ self, clusters }: WrittenConfig): Finding[] {
  if (self === undefined || clusters.some(({ name }) => name === self.cluster)) return []
  return [{ path: ['self', 'cluster'], message: `names no cluster of this file; there are: ${clusters.map(({ name }) => name).join(', ')}` }]
}

function storeFaults({ callers: { kubernetes }, clusters }: WrittenConfig): Finding[] {
  const name = kubernetes?.cluster
  if (name === undefined || clusters.some(cluster => cluster.name === name)) return []
  return [{ path: ['callers', 'kubernetes', 'cluster'], message: `names no cluster of this file; there are: ${clusters.map(({ name }) => name).join(', ')}` }]
}
