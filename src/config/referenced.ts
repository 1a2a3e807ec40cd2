import { access, constants } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Finding, Path } from '../files/fault.ts'
import { whyUnreadable } from '../files/unreadable.ts'
import type { Config } from './config.ts'

/**
 * What the config refers to and this machine does not have. Not faults of the config:
 * it may well be checked on another machine than the one that it is for.
 */
export async function findMissing(config: Config, env: Readonly<Record<string, string | undefined>>): Promise<Finding[]> {
  const found = await Promise.all([...referencedFiles(config).map(missingFile), ...auditFiles(config).map(unwritableFile)])
  return [...found.flat(), ...missingVariables(config, env)]
}

function referencedFiles({ listen: { tls }, clusters }: Config): [Path, string][] {
  const files: [Path, string | undefined][] = [
    [['listen', 'tls', 'certFile'], tls?.certFile],
    [['listen', 'tls', 'keyFile'], tls?.keyFile],
    [['listen', 'tls', 'clientCaFile'], tls?.clientCaFile],
    ...clusters.flatMap(({ caFile, credential }, index): [Path, string | undefined][] => [
      [['clusters', index, 'caFile'], caFile],
      [['clusters', index, 'credential', 'tokenFile'], credential.kind === 'tokenFile' ? credential.path : undefined],
    ]),
  ]
  return files.filter((entry): entry is [Path, string] => entry[1] !== undefined)
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

function missingVariables({ clusters }: Config, env: Readonly<Record<string, string | undefined>>): Finding[] {
  return clusters.flatMap(({ credential }, index): Finding[] => {
    if (credential.kind !== 'tokenEnv' || (env[credential.variable] ?? '') !== '') return []
    return [{ path: ['clusters', index, 'credential', 'tokenEnv'], message: `${credential.variable} is not set` }]
  })
}
