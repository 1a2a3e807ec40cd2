import { access } from 'node:fs/promises'

const places = ['./portcullis.yaml', '/etc/portcullis/portcullis.yaml']

/** The config file that is meant where none is named: the first that is there, else the first place. */
export async function defaultConfigFile(candidates: readonly string[] = places): Promise<string> {
  for (const file of candidates) {
    const there = await access(file).then(() => true, () => false)
    if (there) return file
  }
  return candidates[0] ?? './portcullis.yaml'
}
