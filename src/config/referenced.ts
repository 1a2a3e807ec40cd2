import { access, constants, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { podFolder as defaultPodFolder, podServer } from '../credentials/pod.ts'
import { readKubeconfig } from '../credentials/kubeconfig-file.ts'
import { FaultsError, formatFault, type Finding, type Path } from '../files/fault.ts'
import { isLoose, looseMessage, openToAll } from '../files/secret.ts'
import { whyUnreadable } from '../files/unreadable.ts'
import type { Config } from './config.ts'
import { readPolicyFile } from './policy-file.ts'
import { referencesOf, type Reference } from './references.ts'

/** The machine that the config is to be for. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where the kubelet puts what a pod needs. */
  readonly podFolder?: string | undefined
}

/**
 * What the config refers to and this machine does not have. Not faults of the config:
 * it may well be checked on another machine than the one that it is for.
 */
export async function findMissing(config: Config, surroundings: Surroundings): Promise<Finding[]> {
  const found = await Promise.all([
    ...referencesOf(config).map(reference => missing(reference, surroundings)),
    ...auditFiles(config).map(unwritableFile),
    unwritableRecordings(config),
  ])
  return found.flat()
}

/** Credentials that every user of this machine may read: refused, unless that is allowed. */
export async function findLoose(config: Config): Promise<Finding[]> {
  const found = referencesOf(config).map(async (reference): Promise<Finding[]> => {
    if (reference.kind !== 'secret' && reference.kind !== 'kubeconfig') return []
    const { file } = reference
    const mode = await looseMode(file)
    return mode === undefined ? [] : [{ path: pathOfFile(reference), message: looseMessage(file, mode) }]
  })
  return (await Promise.all(found)).flat()
}

/** The listener's key is no credential for a cluster: worth a word, no more. */
export async function findLooseKey({ listen: { tls } }: Config): Promise<Finding[]> {
  const mode = tls === undefined ? undefined : await looseMode(tls.keyFile)
  if (tls === undefined || mode === undefined) return []
  return [{ path: ['listen', 'tls', 'keyFile'], message: openToAll(tls.keyFile, mode) }]
}

/** A kubeconfig is named by a field of its own, beside the context. */
function pathOfFile({ kind, path }: Reference): Path {
  return kind === 'kubeconfig' ? [...path, 'file'] : path
}

async function looseMode(file: string): Promise<number | undefined> {
  const { mode } = await stat(file).catch(() => ({ mode: 0 }))
  return isLoose(mode) ? mode : undefined
}

async function missing(reference: Reference, { env, podFolder = defaultPodFolder }: Surroundings): Promise<Finding[]> {
  const { kind, path } = reference
  switch (kind) {
    case 'file':
    case 'secret': return missingFile(path, reference.file)
    case 'variable': return (env[reference.variable] ?? '') === '' ? [{ path, message: `${reference.variable} is not set` }] : []
    case 'pod': return missingPod(path, podFolder, env)
    case 'policy': return readPolicyFile(reference.file).then(() => [], (error: unknown) => faultsIn(error).map(message => ({ path, message })))
    case 'kubeconfig': {
      const unreadable = await missingFile(pathOfFile(reference), reference.file)
      if (unreadable.length > 0) return unreadable
      return readKubeconfig({ ...reference, allowLoose: true }).then(() => [], (error: unknown) => [{ path, message: (error as Error).message }])
    }
  }
}

function faultsIn(error: unknown): string[] {
  return error instanceof FaultsError ? error.faults.map(formatFault) : [(error as Error).message]
}

async function missingFile(path: Path, file: string): Promise<Finding[]> {
  return access(file, constants.R_OK).then(() => [], (error: unknown) => [{ path, message: `${file} ${whyUnreadable(error)}` }])
}

async function missingPod(path: Path, folder: string, env: Surroundings['env']): Promise<Finding[]> {
  try {
    podServer(env)
  } catch (error) {
    return [{ path, message: (error as Error).message }]
  }
  return missingFile(path, join(folder, 'token'))
}

function auditFiles({ audit: { sinks } }: Config): [Path, string][] {
  return sinks.flatMap((sink, index): [Path, string][] => sink.kind === 'file' ? [[['audit', 'sinks', index, 'file', 'path'], sink.path]] : [])
}

/** An audit file may be made at the first event, but its folder has to be there by then. */
async function unwritableFile([path, file]: [Path, string]): Promise<Finding[]> {
  const target = await access(file).then(() => file, () => dirname(file))
  return access(target, constants.W_OK).then(() => [], (error: unknown) => [{ path, message: `${target} ${whyUnreadable(error)}: no audit event could be written` }])
}

/** The folder of the recordings is made at the first one, with those above it. */
async function unwritableRecordings({ audit: { recordings } }: Config): Promise<Finding[]> {
  if (recordings === undefined) return []
  const say = (why: string): Finding[] => [{ path: ['audit', 'recordings', 'folder'], message: `${why}: no session could be recorded` }]
  let there = recordings.folder
  let found = await stat(there).catch(() => undefined)
  while (found === undefined && dirname(there) !== there) {
    there = dirname(there)
    found = await stat(there).catch(() => undefined)
  }
  if (found?.isDirectory() !== true) return say(`${there} is no folder`)
  return access(there, constants.W_OK | constants.X_OK).then(() => [], (error: unknown) => say(`${there} ${whyUnreadable(error)}`))
}
