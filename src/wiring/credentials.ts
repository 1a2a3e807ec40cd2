import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { createClient } from '../clusters/client.ts'
import type { ClusterConfig, CredentialConfig, ExecConfig, KubeconfigConfig, OAuthSessionConfig, TokenRequestConfig } from '../config/config.ts'
import { createClientCertificate } from '../credentials/client-certificate.ts'
import type { Credential, CredentialKind } from '../credentials/credential.ts'
import { createExec } from '../credentials/exec.ts'
import type { HeldSecrets } from '../credentials/held-secrets.ts'
import { holding } from '../credentials/holding.ts'
import { createInCluster } from '../credentials/in-cluster.ts'
import { createKubeconfig, ofKubeconfig } from '../credentials/kubeconfig.ts'
import { createOAuthSession } from '../credentials/oauth-session.ts'
import type { Renewing } from '../credentials/renewing.ts'
import { createTokenEnv } from '../credentials/token-env.ts'
import { createTokenFile } from '../credentials/token-file.ts'
import { createTokenRequest } from '../credentials/token-request.ts'
import type { EndpointReading } from './endpoint.ts'

export interface CredentialDeps extends Pick<EndpointReading, 'endpoint' | 'kubeconfig'> {
  readonly log: Logger
  /** Told of every secret that a credential holds. */
  readonly secrets: HeldSecrets
  readonly env: Readonly<Record<string, string | undefined>>
  /** Variables that the config takes secrets from, of whichever cluster: not for what we start. */
  readonly secretVariables: readonly string[]
  /** Read files though every user of the machine may. */
  readonly allowLoose: boolean
  /** A credential that has to be obtained and cannot be yet is waited for in the background; otherwise that rejects. */
  readonly patient: boolean
  /** Aborted when it is not wanted any more: then what is being obtained is given up. */
  readonly signal?: AbortSignal
  readonly cluster: Pick<ClusterConfig, 'name' | 'timeouts'>
  /** Where the kubelet puts what a pod needs. */
  readonly podFolder?: string | undefined
}

/** The credential that the config asks for, ready to be presented. Rejects with an Error that names what is missing and repeats no secret. */
export async function makeCredential(config: CredentialConfig, deps: CredentialDeps): Promise<Credential> {
  return holding(await makeKind(config, deps), deps.secrets.holder())
}

/** Makes something that the credential is closed with; closes it where that cannot be made. */
export function takingAlong<T>(credential: Credential, make: () => T): T {
  try {
    return make()
  } catch (error) {
    credential.close()
    throw error
  }
}

async function makeKind(config: CredentialConfig, deps: CredentialDeps): Promise<Credential> {
  const { env, allowLoose, podFolder } = deps
  const warn = (message: string) => deps.log.warn({}, message)
  switch (config.kind) {
    case 'tokenFile': return createTokenFile({ path: config.path, allowLoose, warn })
    case 'tokenEnv': return createTokenEnv({ variable: config.variable, env })
    case 'clientCertificate': return createClientCertificate({ certFile: config.certFile, keyFile: config.keyFile, allowLoose, warn })
    case 'exec': return obtained(makeExec(config, config.kind, deps), deps)
    case 'tokenRequest': return obtained(await makeTokenRequest(config, deps), deps)
    case 'oauthSession': return obtained(makeOAuthSession(config, deps), deps)
    case 'kubeconfig': return makeKubeconfig(config, deps)
    case 'inCluster': return createInCluster({ warn, ...podFolder === undefined ? {} : { folder: podFolder } })
  }
}

function makeExec({ provideClusterInfo, ...plugin }: Omit<ExecConfig, 'kind'>, kind: CredentialKind, { log, env, secretVariables, endpoint }: CredentialDeps): Renewing {
  return createExec({ ...plugin, kind, cluster: provideClusterInfo ? endpoint : undefined, environment: env, withhold: secretVariables, log })
}

async function makeTokenRequest({ bootstrap, serviceAccount, audiences, lifetime }: TokenRequestConfig, deps: CredentialDeps): Promise<Renewing> {
  const { log, endpoint, cluster: { name, timeouts } } = deps
  const credential = await makeCredential(bootstrap, deps)
  const client = takingAlong(credential, () => createClient({ name, ...endpoint, timeouts, credential }))
  return createTokenRequest({ bootstrap: client, serviceAccount, audiences, lifetime, log })
}

function makeOAuthSession({ username, password }: OAuthSessionConfig, deps: CredentialDeps): Renewing {
  const { log, env, allowLoose, endpoint, cluster: { name, timeouts } } = deps
  const hold = deps.secrets.holder()
  return createOAuthSession({ name, ...endpoint, timeouts, username, password, hold, env, allowLoose, log })
}

/** Whether a program is started for it. */
export function runsPlugin(config: CredentialConfig, { kubeconfig }: Pick<EndpointReading, 'kubeconfig'>): boolean {
  if (config.kind === 'tokenRequest') return runsPlugin(config.bootstrap, { kubeconfig })
  return config.kind === 'exec' || kubeconfig?.user.kind === 'exec'
}

/** How long the plugin of a kubeconfig may take, in milliseconds: as the default of `exec`. */
const pluginTimeout = 30_000

async function makeKubeconfig({ file, context }: KubeconfigConfig, deps: CredentialDeps): Promise<Credential> {
  const { allowLoose, log, kubeconfig } = deps
  // Not read again: the user of one context, and the server of the one that came after it, would be a token for the wrong server.
  if (kubeconfig === undefined) throw new Error(`the kubeconfig ${file} was not read for the endpoint`)
  const source = { file, context, allowLoose }
  const { user } = kubeconfig
  if (user.kind !== 'exec') return createKubeconfig({ ...source, made: kubeconfig, warn: message => log.warn({}, message) })
  return ofKubeconfig(await obtained(makeExec({ ...user.exec, timeout: pluginTimeout }, 'kubeconfig', deps), deps), source)
}

/** How long a start waits for a first credential, in milliseconds, before it goes on without. */
const patience = 5000

/** Waits for the first one. Where that is not to be had: a patient start goes on, unready, and it is tried again; otherwise rejects and closes it. */
async function obtained(credential: Renewing, { patient, signal }: Pick<CredentialDeps, 'patient' | 'signal'>): Promise<Credential> {
  if (patient) {
    // Its failure is logged, and told by /readyz.
    await Promise.race([credential.start().catch(() => {}), delay(patience, undefined, { ref: false })])
    return credential
  }
  const giveUp = () => credential.close()
  signal?.addEventListener('abort', giveUp)
  try {
    signal?.throwIfAborted()
    await credential.start()
    // One that was closed has nothing, and does not say so.
    signal?.throwIfAborted()
    return credential
  } catch (error) {
    credential.close()
    throw error
  } finally {
    signal?.removeEventListener('abort', giveUp)
  }
}
