import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The namespace of the pod's service account; undefined outside of a pod. */
export async function readPodNamespace(podFolder: string): Promise<string | undefined> {
  const text = await readFile(join(podFolder, 'namespace'), 'utf8').catch(() => '')
  return text.trim() === '' ? undefined : text.trim()
}
