import type { Path } from '../files/fault.ts'
import type { Config, CredentialConfig, ReferenceConfig, SinkConfig } from './config.ts'

/** Something outside of the config that a field of it names. Files absolute. */
export type Reference =
  | { readonly kind: 'file', readonly path: Path, readonly file: string }
  /** A file that nobody else should read: a credential, or the private key of one. */
  | { readonly kind: 'secret', readonly path: Path, readonly file: string }
  | { readonly kind: 'variable', readonly path: Path, readonly variable: string }
  | { readonly kind: 'kubeconfig', readonly path: Path, readonly file: string, readonly context: string | undefined }
  /** An audit policy: a file that is read, and has faults of its own. */
  | { readonly kind: 'policy', readonly path: Path, readonly file: string }
  /** What the kubelet gives to a pod. */
  | { readonly kind: 'pod', readonly path: Path }

/** All of them but the callers and the files that are written. */
export function referencesOf({ listen: { tls }, clusters, audit: { sinks, policyFile } }: Config): Reference[] {
  return [
    ...fileAt(['listen', 'tls', 'certFile'], tls?.certFile),
    ...fileAt(['listen', 'tls', 'keyFile'], tls?.keyFile),
    ...fileAt(['listen', 'tls', 'clientCaFile'], tls?.clientCaFile),
    ...clusters.flatMap(({ caFile, credential }, index) => [
      ...fileAt(['clusters', index, 'caFile'], caFile),
      ...credentialReferences(['clusters', index, 'credential'], credential),
    ]),
    ...policyFile === undefined ? [] : [{ kind: 'policy' as const, path: ['audit', 'policyFile'], file: policyFile }],
    ...sinks.flatMap((sink, index) => sinkReferences(['audit', 'sinks', index, sink.kind], sink)),
  ]
}

function sinkReferences(path: Path, sink: SinkConfig): Reference[] {
  switch (sink.kind) {
    case 'stdout': return []
    case 'file': return sink.signingKeyFile === undefined ? [] : [{ kind: 'secret', path: [...path, 'signingKeyFile'], file: sink.signingKeyFile }]
    case 'webhook': return [
      ...fileAt([...path, 'caFile'], sink.caFile),
      ...sink.credential === undefined ? [] : credentialReferences([...path, 'credential'], sink.credential),
    ]
  }
}

/** The variables that the config takes secrets from: not for what we start. */
export function secretVariablesOf(config: Config): string[] {
  return referencesOf(config).flatMap(reference => reference.kind === 'variable' ? [reference.variable] : [])
}

function fileAt(path: Path, file: string | undefined): Reference[] {
  return file === undefined ? [] : [{ kind: 'file', path, file }]
}

function credentialReferences(at: Path, credential: CredentialConfig): Reference[] {
  const path = [...at, credential.kind]
  switch (credential.kind) {
    case 'tokenFile': return [{ kind: 'secret', path, file: credential.path }]
    case 'tokenEnv': return [{ kind: 'variable', path, variable: credential.variable }]
    case 'tokenRequest': return credentialReferences([...path, 'bootstrap'], credential.bootstrap)
    case 'clientCertificate': return [
      { kind: 'file', path: [...path, 'certFile'], file: credential.certFile },
      { kind: 'secret', path: [...path, 'keyFile'], file: credential.keyFile },
    ]
    case 'oauthSession': return [valueReference([...path, 'username'], credential.username), valueReference([...path, 'password'], credential.password)]
    case 'kubeconfig': return [{ ...credential, path }]
    case 'inCluster': return [{ kind: 'pod', path }]
    // Where a plugin without a path is, only its search path tells.
    case 'exec': return credential.command.includes('/') ? [{ kind: 'file', path: [...path, 'command'], file: credential.command }] : []
  }
}

function valueReference(path: Path, reference: ReferenceConfig): Reference {
  switch (reference.kind) {
    case 'file': return { kind: 'secret', path: [...path, 'fromFile'], file: reference.path }
    case 'env': return { kind: 'variable', path: [...path, 'fromEnv'], variable: reference.variable }
  }
}
