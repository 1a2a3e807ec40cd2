import type { BootstrapConfig, CredentialConfig, ExecConfig, OAuthSessionConfig, ReferenceConfig, TokenRequestConfig } from './config.ts'
import { milliseconds } from './converted.ts'
import type { WrittenCluster } from './schema.ts'

type Written = WrittenCluster['credential']
type WrittenBootstrap = NonNullable<Written['tokenRequest']>['bootstrap']
type FromFile = (path: string) => string

/** The one kind that the schema let through, its paths absolute. */
export function convertCredential(written: Written, absolute: FromFile): CredentialConfig {
  if (written.tokenRequest !== undefined) return convertTokenRequest(written.tokenRequest, absolute)
  if (written.oauthSession !== undefined) return convertSession(written.oauthSession, absolute)
  return convertBootstrap(written, absolute)
}

function convertBootstrap({ tokenFile, tokenEnv, clientCertificate, kubeconfig, exec, inCluster }: WrittenBootstrap, absolute: FromFile): BootstrapConfig {
  if (tokenFile !== undefined) return { kind: 'tokenFile', path: absolute(tokenFile) }
  if (tokenEnv !== undefined) return { kind: 'tokenEnv', variable: tokenEnv }
  if (clientCertificate !== undefined) {
    return { kind: 'clientCertificate', certFile: absolute(clientCertificate.certFile), keyFile: absolute(clientCertificate.keyFile) }
  }
  if (kubeconfig !== undefined) return { kind: 'kubeconfig', file: absolute(kubeconfig.file), context: kubeconfig.context }
  if (exec !== undefined) return convertExec(exec, absolute)
  if (inCluster !== undefined) return { kind: 'inCluster' }
  throw new TypeError('a credential without a kind passed the schema')
}

/** A command with a slash is a path, as in a kubeconfig; a mere name is found on PATH. */
function convertExec({ timeout, command, ...rest }: NonNullable<Written['exec']>, absolute: FromFile): ExecConfig {
  return { kind: 'exec', ...rest, command: command.includes('/') ? absolute(command) : command, timeout: milliseconds(timeout) }
}

function convertTokenRequest(
  { bootstrap, serviceAccount, audiences, lifetime }: NonNullable<Written['tokenRequest']>, absolute: FromFile,
): TokenRequestConfig {
  return {
    kind: 'tokenRequest', bootstrap: convertBootstrap(bootstrap, absolute),
    serviceAccount, audiences, lifetime: milliseconds(lifetime),
  }
}

function convertSession({ username, password }: NonNullable<Written['oauthSession']>, absolute: FromFile): OAuthSessionConfig {
  return { kind: 'oauthSession', username: convertReference(username, absolute), password: convertReference(password, absolute) }
}

function convertReference({ fromFile, fromEnv }: NonNullable<Written['oauthSession']>['username'], absolute: FromFile): ReferenceConfig {
  if (fromFile !== undefined) return { kind: 'file', path: absolute(fromFile) }
  if (fromEnv !== undefined) return { kind: 'env', variable: fromEnv }
  throw new TypeError('a reference to nothing passed the schema')
}
