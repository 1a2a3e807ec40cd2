import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const dist = fileURLToPath(new URL('../../dist', import.meta.url))

interface BuildInfo {
  readonly fileNames: readonly string[]
  readonly fileInfos: readonly (string | { readonly version: string })[]
}

/**
 * The built command, for a test with several processes: each would translate all sources anew.
 * `npm test` builds it; whoever runs a file alone is told where it is not of this very source.
 */
export function builtMain(): string {
  const { fileNames, fileInfos } = JSON.parse(readFileSync(resolve(dist, '.tsbuildinfo'), 'utf8')) as BuildInfo
  const stale = fileNames.filter((name, index) => {
    if (!name.startsWith('../src/')) return false
    const info = fileInfos[index]
    return (typeof info === 'string' ? info : info?.version) !== createHash('sha256').update(readFileSync(resolve(dist, name))).digest('hex')
  })
  if (stale.length > 0) throw new Error(`dist is not built of ${stale.join(', ')} as they are now: npm run build`)
  return resolve(dist, 'main.js')
}
