import { dirname, join, resolve } from 'node:path'
import type { CallersConfig, ClusterConfig, Config, PolicyConfig, PolicyRuleConfig, SinkConfig } from './config.ts'
import { convertCredential } from './convert-credential.ts'
import { convertWebhook } from './convert-webhook.ts'
import { bytes, freeze, milliseconds } from './converted.ts'
import type { WrittenCluster, WrittenConfig } from './schema.ts'

type FromFile = (path: string) => string

/** A checked config with its units read and its paths resolved, frozen. */
export function convertConfig(file: string, written: WrittenConfig): Config {
  const folder = dirname(file)
  const absolute: FromFile = path => resolve(folder, path)
  return freeze({
    file,
    listen: convertListen(written.listen, absolute),
    admin: written.admin,
    workers: written.workers,
    clusters: written.clusters.map(cluster => convertCluster(cluster, absolute)),
    callers: convertCallers(written, folder),
    audit: {
      policy: convertPolicy(written.audit),
      policyFile: written.audit.policyFile === undefined ? undefined : absolute(written.audit.policyFile),
      sinks: written.audit.sinks.map(sink => convertSink(sink, absolute)),
      ...convertRecordings(written.audit.recordings, absolute),
      mode: written.audit.mode,
    },
    limits: {
      maxRequestBody: bytes(written.limits.maxRequestBody),
      maxHeaderSize: bytes(written.limits.maxHeaderSize),
      headerTimeout: milliseconds(written.limits.headerTimeout),
      maxConnections: written.limits.maxConnections,
    },
    self: written.self,
    log: written.log,
  })
}

function convertCallers({ callers: { file = [], kubernetes }, self, clusters }: WrittenConfig, folder: string): CallersConfig {
  // As the config names them, not absolute: faults are printed with these.
  if (kubernetes === undefined) return { kind: 'file', paths: [file].flat().map(path => path.startsWith('/') ? path : join(folder, path)) }
  return { kind: 'kubernetes', namespace: kubernetes.namespace, cluster: kubernetes.cluster ?? self?.cluster ?? clusters[0]?.name ?? '' }
}

function convertListen({ host, port, tls, http2, keepAlive, trustedProxies }: WrittenConfig['listen'], absolute: FromFile): Config['listen'] {
  return {
    host,
    port,
    tls: tls === undefined ? undefined : convertTls(tls, absolute),
    http2,
    keepAlive: milliseconds(keepAlive),
    trustedProxies,
  }
}

function convertTls({ certFile, keyFile, clientCaFile }: NonNullable<WrittenConfig['listen']['tls']>, absolute: FromFile): Config['listen']['tls'] {
  return {
    certFile: absolute(certFile),
    keyFile: absolute(keyFile),
    clientCaFile: clientCaFile === undefined ? undefined : absolute(clientCaFile),
  }
}

function convertCluster(cluster: WrittenCluster, absolute: FromFile): ClusterConfig {
  const { name, caFile, tlsServerName, http2, openshift, timeouts, discovery } = cluster
  return {
    name,
    server: cluster.server === undefined ? undefined : new URL(cluster.server).href.replace(/\/+$/, ''),
    caFile: caFile === undefined ? undefined : absolute(caFile),
    tlsServerName: tlsServerName ?? undefined,
    credential: convertCredential(cluster.credential, absolute),
    timeouts: { connect: milliseconds(timeouts.connect), response: milliseconds(timeouts.response) },
    http2,
    openshift,
    discovery: {
      ttl: milliseconds(discovery.ttl), staleFor: milliseconds(discovery.staleFor), maxSize: bytes(discovery.maxSize),
    },
  }
}

function convertPolicy({ policy, omitStages, maxBodySize }: WrittenConfig['audit']): PolicyConfig {
  const rules = policy.map(({ codes, ...rule }) => ({ ...rule, ...codes === undefined ? {} : { codes: codes.map(String) } }))
  return { rules: rules as readonly PolicyRuleConfig[], omitStages, otherwise: 'Metadata', maxBodySize: bytes(maxBodySize) }
}

function convertSink({ file, webhook }: WrittenConfig['audit']['sinks'][number], absolute: FromFile): SinkConfig {
  if (webhook !== undefined) return convertWebhook(webhook, absolute)
  if (file === undefined) return { kind: 'stdout' }
  return {
    kind: 'file', path: absolute(file.path), maxSize: bytes(file.maxSize), keep: file.keep,
    compress: file.compress,
    ...file.maxAge === undefined ? {} : { maxAge: milliseconds(file.maxAge) },
    ...file.keepFor === undefined ? {} : { keepFor: milliseconds(file.keepFor) },
    ...file.signingKeyFile === undefined ? {} : { signingKeyFile: absolute(file.signingKeyFile) },
  }
}

function convertRecordings(recordings: WrittenConfig['audit']['recordings'], absolute: FromFile): Pick<Config['audit'], 'recordings'> {
  if (recordings === undefined) return {}
  const { folder, maxSize, keepFor } = recordings
  return { recordings: { folder: absolute(folder), maxSize: bytes(maxSize), ...keepFor === undefined ? {} : { keepFor: milliseconds(keepFor) } } }
}
