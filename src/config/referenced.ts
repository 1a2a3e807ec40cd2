import { access, constants } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Finding, Path } from '../files/fault.ts'
import { whyUnreadable } from '../files/unreadable.ts'
import type { Config, CredentialConfig } from './config.ts'

/**
 * What the config refers to and this machine does not have. Not faults of the config:
 * it may well be checked on another machine than the one that it is for.
 */
export async function findMissing(config: Config, env: Readonly<Record<string, string | undefined>>): Promise<Finding[]> {
  const found = await Promise.all([...referencedFiles(config).map(missingFile), ...auditFiles(config).map(unwritableFile)])
  return [...found.flat(), ...missingVariables(config, env)]
}

function referencedFiles(config: Config): [Path, string][] {
  const { listen: { tls }, clusters } = config
  const files: [Path, string | undefined][] = [
    [['listen', 'tls', 'certFile'], tls?.certFile],
    [['listen', 'tls', 'keyFile'], tls?.keyFile],
    [['listen', 'tls', 'clientCaFile'], tls?.clientCaFile],
    ...clusters.map(({ caFile }, index): [Path, string | undefined] => [['clusters', index, 'caFile'], caFile]),
    ...credentialsOf(config).flatMap(([path, credential]) => filesOf(credential).map(([field, file]): [Path, string] => [[...path, field], file])),
  ]
  return files.filter((entry): entry is [Path, string] => entry[1] !== undefined)
}

/** Of each cluster, and what it is obtained with. */
function credentialsOf({ clusters }: Config): [Path, CredentialConfig][] {
  return clusters.flatMap(({ credential }, index): [Path, CredentialConfig][] => {
    const path = ['clusters', index, 'credential']
    return credential.kind === 'tokenRequest' ? [[[...path, 'tokenRequest', 'bootstrap'], credential.bootstrap]] : [[path, credential]]
  })
}

/** By field. */
function filesOf(credential: CredentialConfig): [string, string][] {
  switch (credential.kind) {
    case 'tokenFile': return [['tokenFile', credential.path]]
    default: return []
  }
}

function auditFiles({ audit: { sinks } }: Config): [Path, string][] {
  return sinks.flatMap((sink, index): [Path, string][] => sink.kind === 'file' ? [[['audit', 'sinks', index, 'file', 'path'], sink.path]] : [])
}

/** An audit file may be made at the first event, but its folder has to be there by then. */
async function unwritableFile([path, file]: [Path, string]): Promise<Finding[]> {
  const target = await access(file).then(() => file, () => dirname(file))
  return access(target, constants.W_OK).then(() => [], (error: unknown) => [{ path, message: `${target} ${whyUnreadable(error)}: no audit event could be written` }])
}

async function missingFile([path, file]: [Path, string]): Promise<Finding[]> {
  return access(file, constants.R_OK).then(() => [], (error: unknown) => [{ path, message: `${file} ${whyUnreadable(error)}` }])
}

function missingVariables(config: Config, env: Readonly<Record<string, string | undefined>>): Finding[] {
  return credentialsOf(config).flatMap(([path, credential]): Finding[] => {
    if (credential.kind !== 'tokenEnv' || (env[credential.variable] ?? '') !== '') return []
    return [{ path: [...path, 'tokenEnv'], message: `${credential.variable} is not set` }]
  })
}
