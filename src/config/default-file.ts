import { access } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isInPod } from '../credentials/pod.ts'

const places = ['./portcullis.yaml', '/etc/portcullis/portcullis.yaml']

/**
 * The config that is meant where none is named: the first file that is there. In a pod without
 * any, the folder of the last (see `loadConfig`). Rejects where there is neither.
 */
export async function defaultConfigFile(env: Readonly<Record<string, string | undefined>>, candidates: readonly string[] = places): Promise<string> {
  for (const file of candidates) {
    if (await exists(file)) return file
  }
  if (isInPod(env)) return join(dirname(candidates.at(-1) ?? ''), '/')
  throw new Error(`there is no config: neither ${candidates.join(' nor ')} exists; name one with --config, or try portcullis demo`)
}

export function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false)
}
