import { access } from 'node:fs/promises'

const places = ['./portcullis.yaml', '/etc/portcullis/portcullis.yaml']

/** The config file that is meant where none is named: the first that is there. Rejects where none is. */
export async function defaultConfigFile(candidates: readonly string[] = places): Promise<string> {
  for (const file of candidates) {
    const there = await access(file).then(() => true, () => false)
    if (there) return file
  }
  throw new Error(`there is no config: neither ${candidates.join(' nor ')} exists; name one with --config, or try portcullis demo`)
}
